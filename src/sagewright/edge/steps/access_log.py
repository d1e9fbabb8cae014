"""One line per request, for who asked to see them."""

from __future__ import annotations

import logging

from sagewright.edge.chain import Raw
from sagewright.wire.http import Response

_log = logging.getLogger("sagewright.access")


def access_log(raw: Raw, response: Response, seconds: float) -> None:
    """Paths only: queries of presigned URLs are secrets."""
    if _log.isEnabledFor(logging.INFO):
        request = raw.request
        what = request.headers.get("x-amz-target", "").rpartition(".")[2] or request.path
        _log.info("%s %s %d %.1f ms %s", request.method, what, response.status, seconds * 1000, raw.request_id)
