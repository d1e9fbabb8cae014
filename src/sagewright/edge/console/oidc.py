"""Signing in at a company's identity provider: a browser goes there with `start`, and comes back to `callback`.

What was begun is in a sealed cookie of the browser that began it, so that nobody is signed in as somebody else by an
address, and any server that shares the data can finish it. It counts once, and for ten minutes.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import parse_qsl

from sagewright.base.errors import AwsError
from sagewright.edge.chain import Raw
from sagewright.edge.console.cookies import PREFIX, cookie, is_secure, read_cookie, session_cookie
from sagewright.operations.call import Services
from sagewright.operations.console import sessions
from sagewright.operations.console.attempts import Attempts
from sagewright.operations.console.oidc import company
from sagewright.operations.console.oidc.company import Company
from sagewright.operations.console.oidc.provider import Provider, Untrusted
from sagewright.wire.http import Response

_log = logging.getLogger(__name__)

_PATH: Final = f"{PREFIX}oidc/"
_COOKIE: Final = "sagewright-sign-in"
_PURPOSE: Final = b"sign-in"
_SECONDS: Final = 600.0
_AT_ONCE: Final = 4
"""Browsers for which the provider is asked at a time."""
_LONGEST: Final = 4096
_NAME: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_NAMED_BY: Final = ("email", "preferred_username", "sub")


class CompanySignIn:
    """Answers both addresses."""

    @classmethod
    def made(cls, services: Services) -> CompanySignIn | None:
        """None where no provider is set up. Raises Terminal for settings that are wrong."""
        path = services.settings.oidc
        return None if path is None else cls(services, company.read(path))

    def __init__(self, services: Services, known: Company) -> None:
        self._services, self._company = services, known
        self._provider = Provider(known, services.clock)
        self._attempts = Attempts(services.clock)
        self._workers = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="oidc")

    @property
    def name(self) -> str:
        return self._company.name

    async def __call__(self, raw: Raw, path: str) -> Response | None:
        """None for any other address."""
        work = {"start": self._start, "callback": self._finish}.get(path)
        if work is None:
            return None
        if raw.request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and path == "start":
            return _away("/")  # a page of elsewhere begins nothing
        return await asyncio.get_running_loop().run_in_executor(self._workers, self._whole, work, raw)

    def _whole(self, work: Any, raw: Raw) -> Response:
        try:
            response: Response = work(raw)
        except Untrusted as error:
            _log.warning("signing in with %s failed: %s", self._company.issuer, error)
            response = _failed("provider")
        except AwsError:  # the cookie is not there, or of somebody's own making
            response = _failed("again")
        # Whatever came of it, what was begun is over.
        response.headers.setdefault("set-cookie", _kept(raw, "", 0))
        return response

    def _start(self, raw: Raw) -> Response:
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        if self._attempts.begin(state, raw.peer) > 0:
            return _failed("attempts")
        redirect = f"{'https' if is_secure(raw) else 'http'}://{raw.request.headers.get('host', '')}{_PATH}callback"
        address = self._provider.address(redirect=redirect, state=state, nonce=nonce, verifier=verifier)
        begun = [state, nonce, verifier, redirect, self._services.clock.now() + _SECONDS]
        sealed = self._services.credentials.sealed(_PURPOSE, begun)
        response = _away(address)
        response.headers["set-cookie"] = _kept(raw, sealed, _SECONDS)
        return response

    def _finish(self, raw: Raw) -> Response:
        services, company = self._services, self._company
        told = dict(parse_qsl(raw.request.query[:_LONGEST]))
        state, nonce, verifier, redirect, until = services.credentials.unsealed(_PURPOSE, read_cookie(raw, _COOKIE))
        if not hmac.compare_digest(state.encode(), told.get("state", "").encode()) or services.clock.now() > until:
            return _failed("again")
        if told.get("iss", company.issuer) != company.issuer:
            raise Untrusted(f"The answer is of {told['iss']!r}, another provider.")
        if "error" in told:
            _log.info("%s did not sign somebody in: %r", company.issuer, told["error"][:100])
            return _failed("refused" if told["error"] == "access_denied" else "provider")
        # Before the provider is asked, so that coming back again and again asks it once.
        if not sessions.spend(services, f"oidc {state}"):
            return _failed("again")
        claims = self._provider.claims(told.get("code", ""), redirect=redirect, nonce=nonce, verifier=verifier)
        self._attempts.forgive(state, raw.peer)
        role = company.role(claims)
        name = session_name(claims)
        token = None if role is None else sessions.open_of_role(services, role, name, company.seconds)
        if token is None:
            _log.warning("%s of %s has no role here: %s", name, company.issuer, role or f"none for its {company.claim}")
            return _failed("role")
        response = _away("/")
        response.headers["set-cookie"] = session_cookie(raw, token, company.seconds)
        return response


def session_name(claims: Mapping[str, Any]) -> str:
    """What a role's session is called: an e-mail address as it is; what a name may not have is left out, and then
    something is added that nobody else has."""
    found = next((claims[each] for each in _NAMED_BY if isinstance(claims.get(each), str) and claims[each]), "")
    if _NAME.fullmatch(found) and not (found == claims.get("email") and claims.get("email_verified") is False):
        return str(found)
    own = hashlib.sha256(str(claims.get("sub", "")).encode()).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9_+=,.@-]', '-', found)[:55]}-{own}"


def _kept(raw: Raw, value: str, seconds: float) -> str:
    # Lax: the way back begins at the provider's site.
    return cookie(raw, _COOKIE, value, path=_PATH, seconds=seconds, same_site="Lax")


def _failed(why: str) -> Response:
    """Back to the page, which says it in words of its own."""
    return _away(f"/#/sign-in?failed={why}")


def _away(address: str) -> Response:
    return Response(302, {"location": address, "referrer-policy": "no-referrer"})
