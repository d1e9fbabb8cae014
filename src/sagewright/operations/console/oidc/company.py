"""What the operator says of a company's identity provider: a TOML file, named by `sagewright up --oidc`.

issuer = "https://login.example.com"
client_id = "sagewright"
client_secret_file = "secret"        # beside this file; leave it out for a client that has none
name = "Example Corp"                # on the button
scopes = ["openid", "email", "groups"]
claim = "groups"
hours = 12                           # how long a session lasts

[roles]                              # the first that somebody's claim has is the one
"ml-admins" = "arn:aws:iam::123456789012:role/Admins"
"ml" = "arn:aws:iam::123456789012:role/DataScientists"
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from sagewright.base.errors import Terminal
from sagewright.resources.arn import Arn

_log = logging.getLogger(__name__)

_KNOWN: Final = frozenset({"issuer", "client_id", "client_secret_file", "name", "scopes", "claim", "hours", "roles"})
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_HOURS: Final = 12.0


@dataclass(frozen=True, slots=True)
class Company:
    """One identity provider, as its file describes it."""

    name: str
    issuer: str
    client_id: str
    secret: str = field(repr=False)
    """'' where the client has none."""
    scopes: Sequence[str]
    claim: str
    roles: Mapping[str, str]
    """ARNs by values of the claim, in the order in which they are tried."""
    seconds: float

    def role(self, claims: Mapping[str, Any]) -> str | None:
        """The ARN of the role that somebody's claims lead to; None for none."""
        given = claims.get(self.claim, [])
        values = given if isinstance(given, list) else [given]
        return next((arn for value, arn in self.roles.items() if value in values), None)


def read(path: Path) -> Company:
    """Raises Terminal for a file that is not there, or says something else than what is known."""
    try:
        told = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Terminal(f"The identity provider's settings {path} cannot be read: {error}") from None
    unknown = sorted(set(told) - _KNOWN)
    if unknown:
        raise Terminal(f"{path} has {', '.join(unknown)}; known are {', '.join(sorted(_KNOWN))}.")
    issuer, client = _text(path, told, "issuer"), _text(path, told, "client_id")
    if not is_safe(issuer):
        raise Terminal(f"{path}: issuer must begin with https://, unless it is on this machine.")
    roles = told.get("roles")
    if not isinstance(roles, dict) or not roles or not all(map(_is_role, roles.values())):
        raise Terminal(f"{path}: [roles] must give the ARN of a role for each value of the claim.")
    scopes = told.get("scopes", ["openid", "email", "profile"])
    if not isinstance(scopes, list) or "openid" not in scopes or not all(isinstance(each, str) for each in scopes):
        raise Terminal(f'{path}: scopes must be a list of texts, "openid" among them.')
    hours = told.get("hours", _HOURS)
    if not isinstance(hours, int | float) or not 0 < hours <= _HOURS:
        raise Terminal(f"{path}: hours must be a number up to {_HOURS:.0f}.")
    return Company(
        name=_text(path, told, "name", urlsplit(issuer).hostname or issuer),
        issuer=issuer,
        client_id=client,
        secret=_secret(path, told),
        scopes=scopes,
        claim=_text(path, told, "claim", "groups"),
        roles=roles,
        seconds=hours * 3600.0,
    )


def is_safe(address: str) -> bool:
    """Whether what is sent there is read by nobody on the way."""
    try:
        url = urlsplit(address)
        return bool(url.hostname) and (url.scheme == "https" or (url.scheme == "http" and url.hostname in _LOOPBACK))
    except ValueError:
        return False


def _text(path: Path, told: Mapping[str, Any], member: str, otherwise: str = "") -> str:
    value = told.get(member, otherwise)
    if not isinstance(value, str) or not value:
        raise Terminal(f"{path}: {member} must be a text.")
    return value


def _secret(path: Path, told: Mapping[str, Any]) -> str:
    if "client_secret_file" not in told:
        return ""
    place = path.parent / _text(path, told, "client_secret_file")
    try:
        secret = place.read_text().strip()
        if place.stat().st_mode & 0o004:
            _log.warning("everybody on this machine can read %s: chmod 600 it", place)
    except (OSError, UnicodeDecodeError) as error:
        raise Terminal(f"{path}: client_secret_file cannot be read: {error}") from None
    return secret


def _is_role(arn: Any) -> bool:
    try:
        parsed = Arn.parse(arn)
    except (ValueError, AttributeError, TypeError):
        return False
    return parsed.service == "iam" and parsed.resource.startswith("role/")
