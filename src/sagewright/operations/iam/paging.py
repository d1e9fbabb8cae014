"""IAM's pages: Marker, MaxItems, IsTruncated."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from sagewright.base.errors import AwsError
from sagewright.operations.call import Params

T = TypeVar("T")
_DEFAULT: Final = 100


def page(items: Sequence[T], request: Params, member: str, name: Callable[[T], str]) -> tuple[Sequence[T], Params]:
    """The items of the page that is asked for, and the answer's members about the next one.

    `items` are sorted by `name`; a marker is the last name of the page before, so that it outlives changes.
    Raises AwsError (InvalidInput) for a marker that no page gave. `member` names the listing inside the marker.
    """
    after = _read(request["Marker"], member) if "Marker" in request else None
    rest = [item for item in items if after is None or name(item) > after]
    limit = request.get("MaxItems", _DEFAULT)
    if len(rest) <= limit:
        return rest, {"IsTruncated": False}
    marker = base64.urlsafe_b64encode(f"{member}\0{name(rest[limit - 1])}".encode()).decode()
    return rest[:limit], {"IsTruncated": True, "Marker": marker}


def _read(marker: str, member: str) -> str:
    try:
        kind, _, name = base64.b64decode(marker, altchars=b"-_", validate=True).decode().partition("\0")
    except (binascii.Error, ValueError):
        kind, name = "", ""
    if kind != member:
        raise AwsError("InvalidInput", f"Invalid Marker: {marker}")
    return name
