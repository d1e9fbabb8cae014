"""Keys: who may sign, and with what secret. The edge asks for every request; tasks and clients are given theirs here.

Temporary credentials are not stored. Their secret is derived from their access key id, and the session token says,
under a seal of ours, whose they are and until when; so a restart loses none, and a copied data folder takes them along.

    DATA/…/root.json     {"AccessKeyId": "AKIA…", "SecretAccessKey": "…"}, mode 0600; delete it to be given new ones
    DATA/…/master.key    32 random bytes, mode 0600; delete it to end all temporary credentials at once

    session token  = base64( seal (32 bytes) + payload )
    payload        = JSON [version, access key id, account, principal ARN, user id, kind, expiry, session policy]
    grant          = base64url( seal (32 bytes) + payload ), with the payload JSON [role's ARN, session's name]
    seal           = HMAC-SHA256(master, purpose + NUL + payload), the purpose being "session" or "grant"
    secret         = base64( first 30 bytes of HMAC-SHA256(master, "secret" + NUL + access key id) )
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from sagewright.base.clock import Clock
from sagewright.base.errors import AwsError
from sagewright.operations.call import Principal
from sagewright.operations.iam.records import find_role
from sagewright.resources.arn import Arn
from sagewright.store.base import Store

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_VERSION: Final = 1
_REMEMBERED: Final = 4096
"""How many verified tokens are kept at hand."""


@dataclass(frozen=True, slots=True)
class TemporaryCredentials:
    """What STS hands out."""

    access_key_id: str
    """`ASIA` and sixteen letters and digits."""
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expiration: float
    """Epoch seconds."""
    principal: Principal

    def members(self) -> Mapping[str, Any]:
        """As the STS model's `Credentials` shape names them."""
        return {
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret_access_key,
            "SessionToken": self.session_token,
            "Expiration": self.expiration,
        }


@dataclass(frozen=True, slots=True)
class _Session:
    """A token that held: the secret of its key, whose it is, until when, and within which policy."""

    secret: str = field(repr=False)
    principal: Principal
    expiration: float
    policy: str | None


class Credentials:
    """All keys of one server. Any thread may call any method."""

    def __init__(self, folder: Path, store: Store, clock: Clock, account: str) -> None:
        """Reads the keys under `folder`, and makes what is missing."""
        self._store = store
        self._clock = clock
        self._account = account
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.new = not (folder / "root.json").exists()
        """Whether the root keys were made just now."""
        self._root = _root_keys(folder / "root.json")
        self._root_principal = Principal(account, f"arn:aws:iam::{account}:root", account, "root")
        self._master = _kept(folder / "master.key", secrets.token_bytes(32))
        self._verified: dict[tuple[str, str], _Session] = {}

    def root(self) -> tuple[str, str]:
        """The account's root access key id and secret."""
        return self._root

    def issue(
        self,
        who: Principal | str,
        session_name: str = "",
        *,
        duration: float = 3600,
        policy: str | None = None,
    ) -> TemporaryCredentials:
        """Credentials of `who` for `duration` seconds: a principal, or a role's ARN with a session's name.

        `policy` is the session policy that narrows them down. Raises AwsError (AccessDenied) for a role that is not
        there.
        """
        principal = self.role_principal(who, session_name) if isinstance(who, str) else who
        access_key_id = "ASIA" + "".join(secrets.choice(_ALPHABET) for _ in range(16))
        expiration = float(int(self._clock.now() + duration))
        claims = (
            _VERSION,
            access_key_id,
            principal.account,
            principal.arn,
            principal.user_id,
            principal.kind,
            expiration,
            policy,
        )
        payload = orjson.dumps(claims)
        token = base64.b64encode(self._seal(b"session", payload) + payload).decode()
        return TemporaryCredentials(access_key_id, self._secret(access_key_id), token, expiration, principal)

    def role_principal(self, role_arn: str, session_name: str, *, caller: str = "") -> Principal:
        """The assumed-role principal of a session. `caller` is the ARN of who asks, for the refusal.

        Raises AwsError (AccessDenied) for a role that is not there.
        """
        role = find_role(self._store, self._account, role_arn)
        if role is None:
            raise AwsError(
                "AccessDenied",
                f"User: {caller or self._root_principal.arn} is not authorized to perform: sts:AssumeRole on resource: "
                f"{role_arn} (there is no such role here; `aws iam create-role` makes one)",
                status=403,
            )
        arn = str(Arn("aws", "sts", "", self._account, f"assumed-role/{role.name}/{session_name}"))
        return Principal(self._account, arn, f"{role.status['RoleId']}:{session_name}", "role")

    def lookup(self, access_key_id: str, token: str | None, *, now: float) -> tuple[str, Principal]:
        """The secret that must have signed, and whose key it is.

        Raises AwsError: InvalidClientTokenId (403) for unknown keys and for tokens that are missing, not ours or of
        another key; ExpiredToken (403) for tokens that were good once. Codes are STS's; the edge spells them as the
        called service does.
        """
        if token is None:
            if access_key_id != self._root[0]:
                raise _invalid()
            return self._root[1], self._root_principal
        session = self._verified.get((access_key_id, token)) or self._verify(access_key_id, token)
        if now >= session.expiration:
            self._verified.pop((access_key_id, token), None)
            raise AwsError("ExpiredToken", "The security token included in the request is expired", status=403)
        return session.secret, session.principal

    def grant(self, role_arn: str, session_name: str) -> str:
        """A token that a task may exchange, as often as it likes, for fresh credentials of its role."""
        payload = orjson.dumps([role_arn, session_name])
        return base64.urlsafe_b64encode(self._seal(b"grant", payload) + payload).decode()

    def redeem(self, token: str) -> TemporaryCredentials:
        """Credentials for a token of `grant`. Raises AwsError (AccessDenied) for any other, or a role that is gone."""
        try:
            sealed = base64.urlsafe_b64decode(token)
        except (binascii.Error, ValueError):
            sealed = b""
        seal, payload = sealed[:32], sealed[32:]
        if not payload or not hmac.compare_digest(seal, self._seal(b"grant", payload)):
            raise AwsError("AccessDenied", "This authorization token is not one of a task.", status=403)
        role_arn, session_name = orjson.loads(payload)
        return self.issue(role_arn, session_name)

    def session_policy(self, access_key_id: str, token: str | None) -> str | None:
        """The policy that narrows down a session, for whoever authorizes; None where there is none."""
        if token is None:
            return None
        return (self._verified.get((access_key_id, token)) or self._verify(access_key_id, token)).policy

    def _verify(self, access_key_id: str, token: str) -> _Session:
        try:
            sealed = base64.b64decode(token, validate=True)
        except (binascii.Error, ValueError):
            raise _invalid() from None
        seal, payload = sealed[:32], sealed[32:]
        if not hmac.compare_digest(seal, self._seal(b"session", payload)):
            raise _invalid()
        version, key_id, account, arn, user_id, kind, expiration, policy = orjson.loads(payload)
        if version != _VERSION or key_id != access_key_id or account != self._account:
            raise _invalid()
        session = _Session(self._secret(key_id), Principal(account, arn, user_id, kind), expiration, policy)
        if len(self._verified) >= _REMEMBERED:
            self._verified.clear()
        self._verified[access_key_id, token] = session
        return session

    def _seal(self, purpose: bytes, payload: bytes) -> bytes:
        # What was sealed for one purpose must hold for no other.
        return hmac.digest(self._master, purpose + b"\0" + payload, "sha256")

    def _secret(self, access_key_id: str) -> str:
        return base64.b64encode(self._seal(b"secret", access_key_id.encode())[:30]).decode()


def _invalid() -> AwsError:
    return AwsError("InvalidClientTokenId", "The security token included in the request is invalid.", status=403)


def _root_keys(path: Path) -> tuple[str, str]:
    fresh = {
        "AccessKeyId": "AKIA" + "".join(secrets.choice(_ALPHABET) for _ in range(16)),
        "SecretAccessKey": base64.b64encode(secrets.token_bytes(30)).decode(),
    }
    keys = orjson.loads(_kept(path, orjson.dumps(fresh)))
    return keys["AccessKeyId"], keys["SecretAccessKey"]


def _kept(path: Path, fresh: bytes) -> bytes:
    """The content of a private file, made whole from `fresh` if it is not there (also when two processes race)."""
    if not path.exists():
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(fresh)
                file.flush()
                os.fsync(file.fileno())
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(temporary)
    return path.read_bytes()
