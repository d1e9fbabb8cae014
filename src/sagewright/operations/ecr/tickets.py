"""Tickets: what vouches for somebody towards the registry, where requests carry no signature.

    ticket = base64url( JSON [access key id, session token, region, proof] )
    proof  = HMAC-SHA256(secret of that key, "sagewright registry" NUL purpose NUL region)

The key is a temporary one of the caller's, so nothing is stored: a ticket holds until the key runs out, whatever is
restarted, and the caller's policies and those of its session hold as they are when the ticket is shown. A ticket holds
for its purpose only: a login for the whole registry, an address for its one layer. It gives nobody the key's secret,
and the session token alone, which stands in presigned addresses, makes no ticket.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import Final

import orjson

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Principal, Session
from sagewright.operations.sts.credentials import Credentials

LOGIN: Final = "login"
USER: Final = "AWS"
"""What docker's user is called."""
_LONGEST: Final = 32_768


def of_layer(repository: str, digest: str) -> str:
    """The purpose of a ticket for one layer."""
    return f"layer\0{repository}\0{digest}"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a ticket says, once it has been checked."""

    principal: Principal
    region: str


def issue(call: Call, purpose: str, seconds: float) -> tuple[str, float]:
    """A ticket of the caller's, and when it runs out in epoch seconds."""
    session = call.principal.session or Session(issued=call.now)
    keys = call.services.credentials.issue(call.principal, duration=seconds, session=session)
    proof = _proof(keys.secret_access_key, purpose, call.region)
    said = [keys.access_key_id, keys.session_token, call.region, proof]
    return base64.urlsafe_b64encode(orjson.dumps(said)).decode(), keys.expiration


def check(credentials: Credentials, ticket: str, purpose: str, *, now: float) -> Ticket:
    """What a ticket says. Raises AwsError (403): InvalidClientTokenId for none of ours, ExpiredToken."""
    try:
        said = orjson.loads(base64.urlsafe_b64decode(ticket.encode("ascii"))) if len(ticket) <= _LONGEST else None
    except (binascii.Error, ValueError):
        said = None
    if not isinstance(said, list) or len(said) != 4 or not all(isinstance(each, str) for each in said):
        raise _invalid()
    access_key, token, region, proof = said
    secret, principal = credentials.lookup(access_key, token, now=now)
    if not hmac.compare_digest(proof.encode(), _proof(secret, purpose, region).encode()):
        raise _invalid()
    return Ticket(principal, region)


def _proof(secret: str, purpose: str, region: str) -> str:
    said = f"sagewright registry\0{purpose}\0{region}"
    return hmac.digest(secret.encode(), said.encode(), "sha256").hex()


def _invalid() -> AwsError:
    return AwsError("InvalidClientTokenId", "The authorization token is invalid.", status=403)
