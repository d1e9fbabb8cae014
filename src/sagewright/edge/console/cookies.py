"""What a browser keeps for the console, and whose page it asks from."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from sagewright.base.errors import AwsError
from sagewright.edge.chain import Raw
from sagewright.edge.console import pages

PREFIX: Final = f"/_sagewright/{pages.PATH}/"
COOKIE: Final = "sagewright-console"


def session_cookie(raw: Raw, token: str, seconds: float) -> str:
    """No script reads it, no other site sends it."""
    return cookie(raw, COOKIE, token, path=PREFIX, seconds=seconds, same_site="Strict")


def cookie(raw: Raw, name: str, value: str, *, path: str, seconds: float, same_site: str) -> str:
    secure = "; Secure" if is_secure(raw) else ""
    return f"{name}={value}; Path={path}; Max-Age={int(seconds)}; HttpOnly; SameSite={same_site}{secure}"


def read_cookie(raw: Raw, name: str) -> str:
    for each in raw.request.headers.get("cookie", "").replace(",", ";").split(";"):
        found, _, value = each.strip().partition("=")
        if found == name:
            return value
    return ""


def is_secure(raw: Raw) -> bool:
    """Whether the browser speaks TLS, with a proxy before us."""
    return raw.request.headers.get("x-forwarded-proto") == "https"


def own_page(raw: Raw) -> None:
    """Raises AwsError (403) where a page of elsewhere asks."""
    headers = raw.request.headers
    origin = headers.get("origin")
    if (origin is not None and urlsplit(origin).netloc != headers.get("host")) or headers.get(
        "sec-fetch-site", "same-origin"
    ) not in ("same-origin", "none"):
        raise AwsError("AccessDenied", f"Pages of {origin or 'elsewhere'} may not ask this.", status=403)
