"""What holds for all that is shown at host names of its own: notebook instances and Spark's history servers."""

from __future__ import annotations

import html
import logging
from collections.abc import Awaitable
from typing import Final

from sagewright.base.errors import AwsError, Transient
from sagewright.dataplane.tracking.connection import Unreachable
from sagewright.edge.chain import Raw
from sagewright.edge.console.cookies import cookie
from sagewright.wire.http import Response

_log = logging.getLogger(__name__)

HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"}
)
_NOT_SENT_ON: Final = HOP | {"authorization", "content-length", "cookie", "expect"}
_NOT_SENT_PREFIXES: Final = ("x-amz-", "x-forwarded-")
NOT_HANDED_BACK: Final = HOP | {"date", "server", "set-cookie"}


async def answered(raw: Raw, answer: Awaitable[Response], *, who: str, title: str) -> Response:
    """The answer, or a page that says why there is none; `who` is what was to answer."""
    try:
        response = await answer
    except AwsError as error:
        response = refused(error, title)
    except (Transient, TimeoutError, Unreachable) as error:
        message = str(error) or f"{who} did not answer in time."
        response = refused(AwsError("Unavailable", message, status=503), title)
    except Exception:  # noqa: BLE001  the border of the process
        _log.exception("request %s failed", raw.request_id)
        why = f"Sagewright failed to answer. Its log has the cause under request id {raw.request_id}."
        response = refused(AwsError("InternalError", why, status=500), title)
    response.headers["x-amzn-requestid"] = raw.request_id
    return response


def check_origin(raw: Raw) -> None:
    """Raises AwsError for what a page of elsewhere asks, save to be shown the page."""
    headers, method = raw.request.headers, raw.request.method
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != headers.get("host"):
        raise AwsError("AccessDenied", f"Pages of {origin} may not ask this.", status=403)
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return
    if method not in ("GET", "HEAD") or headers.get("sec-fetch-mode") != "navigate":
        raise AwsError("AccessDenied", "Pages of elsewhere may not ask this.", status=403)


def sent_on(raw: Raw) -> list[tuple[str, str]]:
    """The headers that go on: neither cookies nor signatures."""
    return [
        (name, value)
        for name, value in raw.request.headers.items()
        if name not in _NOT_SENT_ON and not name.startswith(_NOT_SENT_PREFIXES)
    ]


def target(raw: Raw) -> str:
    """Path and query."""
    return raw.request.path + (f"?{raw.request.query}" if raw.request.query else "")


def session_opened(raw: Raw, name: str, session: str, seconds: float, place: str, *, path: str = "/") -> Response:
    """To the page, with a cookie for its host name alone, below `path`."""
    kept = cookie(raw, name, session, path=path, seconds=seconds, same_site="Lax")
    headers = {"location": place, "set-cookie": kept}
    return Response(302, {**headers, "cache-control": "no-store", "referrer-policy": "no-referrer"})


def refused(error: AwsError, title: str) -> Response:
    """A page that says why."""
    headers = {**error.headers, "cache-control": "no-store", "content-type": "text/html; charset=utf-8"}
    page = (
        f"<!doctype html><meta charset=utf-8><title>{title}</title>"
        "<style>body{font:16px/1.5 system-ui;max-width:40em;margin:4em auto;padding:0 1em}</style>"
        f"<p>{html.escape(error.message)}"
    )
    return Response(error.status, headers, page.encode())
