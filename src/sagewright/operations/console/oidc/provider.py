"""A company's identity provider as its client sees it: what it says of itself, its keys, codes for tokens.

Discovery: https://openid.net/specs/openid-connect-discovery-1_0.html. Codes, ID tokens and how they are checked:
https://openid.net/specs/openid-connect-core-1_0.html (3.1); PKCE: RFC 7636. Everything here waits for the network:
call it from a thread.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import orjson
import urllib3

from sagewright.base.clock import Clock
from sagewright.base.errors import Fault
from sagewright.operations.console.oidc.company import Company, is_safe

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

ALGORITHMS: Final = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
]
"""Of signatures that are believed: those that only who has a private key can make."""
_KEPT: Final = 3600.0
"""Seconds that what the provider says of itself, and its keys, are kept."""
_AGAIN: Final = 30.0
"""Seconds between two looks at its keys: who sends made-up tokens does not make us ask more often."""
_LEEWAY: Final = 60
"""Seconds by which its clock may differ from ours."""
_MOST: Final = 1024 * 1024
_TIMEOUT: Final = urllib3.Timeout(connect=5.0, read=10.0)
_NEEDED: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class Untrusted(Fault):
    """Something that the provider, or who says to come from it, sent is not to be believed."""


class Provider:
    """One provider. Any thread may call any method; all raise Untrusted where it cannot be asked or believed."""

    def __init__(self, company: Company, clock: Clock) -> None:
        self._company, self._clock = company, clock
        self._http = urllib3.PoolManager(timeout=_TIMEOUT, retries=False, maxsize=4)
        self._lock = threading.Lock()
        self._about: tuple[Mapping[str, Any], float] | None = None
        self._keys: tuple[KeySet, float] | None = None

    def address(self, *, redirect: str, state: str, nonce: str, verifier: str) -> str:
        """Where a browser signs in. It comes back to `redirect` with a code and the `state`."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._company.client_id,
            "redirect_uri": redirect,
            "scope": " ".join(self._company.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        where: str = self._discovered()["authorization_endpoint"]
        return f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}"

    def claims(self, code: str, *, redirect: str, nonce: str, verifier: str) -> Mapping[str, Any]:
        """What the provider says of who came back with a code."""
        tokens = self._exchanged(code, redirect, verifier)
        claims = self._checked(str(tokens.get("id_token", "")), nonce)
        if self._company.claim in claims or "userinfo_endpoint" not in self._discovered():
            return claims
        bearer = {"authorization": f"Bearer {tokens.get('access_token', '')}"}
        more = self._json("GET", self._discovered()["userinfo_endpoint"], headers=bearer)
        if more.get("sub") != claims["sub"]:
            raise Untrusted("The provider's userinfo is of somebody else.")
        return {**more, **claims}

    def _exchanged(self, code: str, redirect: str, verifier: str) -> Mapping[str, Any]:
        about, company = self._discovered(), self._company
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
        }
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        # What is not said is `client_secret_basic`.
        ways = about.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if company.secret and "client_secret_basic" in ways:
            pair = f"{quote(company.client_id, safe='')}:{quote(company.secret, safe='')}"
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form["client_id"] = company.client_id
            if company.secret:
                form["client_secret"] = company.secret
        return self._json("POST", about["token_endpoint"], headers=headers, body=urlencode(form))

    def _checked(self, token: str, nonce: str) -> Mapping[str, Any]:
        """The claims of an ID token that is the provider's, for us, of now, and of the sign-in that was begun."""
        # Loaded by the first who signs in this way: it brings a cryptographic library.
        from joserfc import jwt
        from joserfc.errors import JoseError

        rules = jwt.JWTClaimsRegistry(
            now=int(self._clock.now()),
            leeway=_LEEWAY,
            iss={"essential": True, "value": self._company.issuer},
            aud={"essential": True, "value": self._company.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        claims: Mapping[str, Any] = {}
        for fresh in (False, True):
            try:
                claims = jwt.decode(token, self._known_keys(fresh=fresh), algorithms=ALGORITHMS).claims
                rules.validate(claims)
                break
            except (JoseError, ValueError, TypeError, KeyError) as error:
                # Its keys may be others by now; what else is wrong stays wrong.
                if fresh or claims:
                    raise Untrusted(f"The provider's ID token does not hold: {error}") from None
        audience = claims["aud"]
        if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != self._company.client_id:
            raise Untrusted("The provider's ID token is for somebody else too, and was not asked for by us.")
        return claims

    def _known_keys(self, *, fresh: bool) -> KeySet:
        from joserfc.jwk import KeySet

        with self._lock:
            known, now = self._keys, self._clock.monotonic()
        if known is not None and now - known[1] < (_AGAIN if fresh else _KEPT):
            return known[0]
        told = self._json("GET", self._discovered()["jwks_uri"])
        # Of kinds of keys that are not known here, none signs for us.
        usable = [each for each in told.get("keys", ()) if each.get("kty") in ("RSA", "EC", "OKP")]
        if not usable:
            raise Untrusted("The provider has no keys that check signatures.")
        keys = KeySet.import_key_set({"keys": usable})
        with self._lock:
            self._keys = keys, now
        return keys

    def _discovered(self) -> Mapping[str, Any]:
        with self._lock:
            known, now = self._about, self._clock.monotonic()
        if known is not None and now - known[1] < _KEPT:
            return known[0]
        issuer = self._company.issuer
        about = self._json("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if about.get("issuer") != issuer:
            raise Untrusted(f"The provider calls itself {about.get('issuer')!r}, not {issuer!r}.")
        for member in (*_NEEDED, *({"userinfo_endpoint"} & set(about))):
            if not is_safe(str(about.get(member, ""))):
                raise Untrusted(f"The provider's {member} is no https:// address.")
        with self._lock:
            self._about = about, now
        return about

    def _json(self, method: str, address: str, **more: Any) -> Mapping[str, Any]:
        """An object that is asked for. No redirects: an address that was checked is the one that is asked."""
        try:
            with self._http.request(method, address, redirect=False, preload_content=False, **more) as answer:
                body = answer.read(_MOST + 1, decode_content=True)
        except urllib3.exceptions.HTTPError as error:
            raise Untrusted(f"{address} does not answer: {error}") from None
        try:
            told = orjson.loads(body) if len(body) <= _MOST else None
        except orjson.JSONDecodeError:
            told = None
        if answer.status != 200 or not isinstance(told, dict):
            why = told.get("error") if isinstance(told, dict) else None
            raise Untrusted(f"{address} answers {answer.status}{f', {why!r}' if isinstance(why, str) else ''}.")
        return told
