"""What a request names, where its records are, pages, RAM's words for what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.ram.managed import VERSION, Permission, permissions
from sagewright.operations.sagemaker import listing
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record
from sagewright.resources.resource_share import SHARE, share_arn
from sagewright.store.base import Query

T = TypeVar("T")
_PAGE: Final = 500
_NOBODY: Final = "OTHER-ACCOUNTS"


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


def unknown(message: str) -> AwsError:
    return AwsError("UnknownResourceException", message)


def parsed(text: str) -> Arn:
    """Raises MalformedArnException."""
    try:
        return Arn.parse(text)
    except ValueError:
        raise AwsError(
            "MalformedArnException",
            f"The specified resource ARN {text} is not valid. Verify the ARN and try again.",
        ) from None


def share_named(call: Call, text: str) -> Record:
    """The share of an ARN. Raises MalformedArnException or UnknownResourceException."""
    arn = parsed(text)
    own = (arn.service, arn.type, arn.account, arn.region) == ("ram", SHARE, call.account, call.region)
    record = call.store.get(call.key(SHARE, arn.id)) if own else None
    if record is None or share_arn(record.key) != text:
        raise unknown(f"ResourceShare {text} could not be found.")
    return record


def permission_named(text: str, version: int | None = None) -> Permission:
    """The managed permission of an ARN. Raises MalformedArnException, UnknownResourceException or, for a version that
    it does not have, InvalidParameterException."""
    parsed(text)
    found = permissions().get(text)
    if found is None:
        raise unknown(f"Permission {text} could not be found. ListPermissions has those that there are.")
    if version not in (None, VERSION):
        raise invalid(f"Permission {text} has no version {version}, only {VERSION}.")
    return found


def of_others(request: Params) -> bool:
    """Whether a request is about what other accounts share with this one: there are none."""
    return bool(request.get("resourceOwner") == _NOBODY)


def every(
    call: Call, kind: str, parent: str | None = None, facets: Mapping[str, str] | None = None
) -> Iterable[Record]:
    """All records of a kind in this region."""
    return call.store.every(Query(call.account, call.region, kind, parent=parent, facets=facets or {}))


def shares(call: Call, request: Params) -> Sequence[Record]:
    """Those that a request names by `resourceShareArns`, or all. Raises as `share_named` does."""
    named = request.get("resourceShareArns")
    return [share_named(call, each) for each in named] if named else [*every(call, SHARE)]


def page(member: str, rows: Sequence[tuple[Sequence[Any], T]], request: Params) -> Params:
    """A page of views, each with the position that it is sorted by. Raises InvalidNextTokenException."""
    try:
        shown, token = listing.ordered(rows, False, request.get("maxResults", _PAGE), request.get("nextToken"))
    except ValueError as error:
        raise AwsError("InvalidNextTokenException", str(error)) from None
    return {member: shown, **({} if token is None else {"nextToken": token})}


def token_of(request: Params) -> Params:
    """The client's token, which answers give back."""
    return {member: request[member] for member in ("clientToken",) if member in request}
