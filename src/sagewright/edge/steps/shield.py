"""What users keep here is shown by browsers from the console's own origin: it may not act as the console."""

from __future__ import annotations

from typing import Final

from sagewright.edge.chain import Raw
from sagewright.wire.http import Response

_SHOWN: Final = frozenset({"document", "iframe", "frame", "embed", "object", "worker", "sharedworker", "serviceworker"})
"""What a browser says it wants an answer for, where the answer may become a page, or act as one."""


def shielded(raw: Raw, response: Response) -> Response:
    """The response, in a sandbox if a browser makes a page of it: without scripts, and of no origin."""
    if raw.request.headers.get("sec-fetch-dest") in _SHOWN:
        response.headers["content-security-policy"] = "sandbox"
        response.headers["x-content-type-options"] = "nosniff"
    return response
