"""One line per request, for who asked to see them."""

from __future__ import annotations

import logging

from sagewright.edge import metadata
from sagewright.edge.chain import Raw
from sagewright.wire.http import Response

_log = logging.getLogger("sagewright.access")


def access_log(raw: Raw, response: Response, seconds: float) -> None:
    """Paths only: queries of presigned URLs are secrets. So are those under which tasks find their metadata."""
    if _log.isEnabledFor(logging.INFO):
        request = raw.request
        path = metadata.PREFIX if request.path.startswith(metadata.PREFIX) else request.path
        what = request.headers.get("x-amz-target", "").rpartition(".")[2] or path
        _log.info("%s %s %d %.1f ms %s", request.method, what, response.status, seconds * 1000, raw.request_id)
