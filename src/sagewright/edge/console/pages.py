"""The console's page and what it loads: files that `make console` built, compressed beforehand."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.wire.http import Request, Response

PATH: Final = "console"
"""Below Sagewright's own prefix."""
BUILT: Final = Path(__file__).with_name("built")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.(css|js|svg|woff2|png)")
_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
    "png": "image/png",
}
_CODINGS: Final = {"br": ".br", "gzip": ".gz"}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SAFE: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
_DAY: Final = 86_400


def page(request: Request) -> Response | None:
    """The one page, whatever of it is looked at; None where it was not built."""
    if not (BUILT / "index.html").is_file():
        return None
    response = _file(BUILT / "index.html", "html", request)
    response.headers.update(_SAFE)
    response.headers["cache-control"] = "no-cache"
    return response


def asset(request: Request, name: str) -> Response:
    """A file that the page loads. Its name has a digest of what is in it, so that it may be kept for good."""
    found = _NAME.fullmatch(name)
    path = BUILT / "assets" / name
    if found is None or not path.is_file():
        raise AwsError("NotFound", f"The console has no file {name!r}.", status=404)
    response = _file(path, found[1], request)
    response.headers["cache-control"] = f"public, max-age={365 * _DAY}, immutable"
    response.headers["x-content-type-options"] = "nosniff"
    return response


def _file(path: Path, ending: str, request: Request) -> Response:
    headers = {"content-type": _TYPES[ending], "vary": "accept-encoding"}
    taken = {each.partition(";")[0].strip() for each in request.headers.get("accept-encoding", "").split(",")}
    for coding, suffix in _CODINGS.items():
        if coding in taken and (smaller := path.with_name(path.name + suffix)).is_file():
            return Response(200, {**headers, "content-encoding": coding}, _read(smaller, smaller.stat().st_mtime_ns))
    return Response(200, headers, _read(path, path.stat().st_mtime_ns))


@lru_cache(maxsize=1024)
def _read(path: Path, _changed: int) -> bytes:
    return path.read_bytes()
