"""Keys: who may sign, and with what secret. The edge asks for every request; tasks and clients are given theirs here.

Temporary credentials are not stored. Their secret is derived from their access key id, and the session token says,
under a seal of ours, whose they are and until when; so a restart loses none, and a copied data folder takes them along.
Users' access keys are records without their secret, which is derived as well. The root key is a file.

    DATA/…/root.json     see `root_keys.py`; `sagewright keys rotate` replaces it
    DATA/…/master.key    32 random bytes, mode 0600; delete it to end all temporary credentials and users' keys at once

    session token  = base64( seal (32 bytes) + payload )
    payload        = JSON [2, access key id, account, principal ARN, user id, kind, expiry, issued, claims]
    claims         = {"policies", "arns", "tags", "transitive", "source", "mfa", "issuer"}, each only where given
    grant          = base64url( seal (32 bytes) + payload ), with the payload JSON [role's ARN, session's name,
                     role's id, key of the record that the task works for, that record's uid]
    metadata token = the same, with the payload JSON [SHA-256 of the grant, expiry]
    seal           = HMAC-SHA256(master, purpose + NUL + payload), the purpose being "session", "grant" or "metadata"
    secret         = base64( first 30 bytes of HMAC-SHA256(master, purpose + NUL + access key id) ), the purpose being
                     "secret" for temporary credentials and "user" for users' keys

Tokens end with the user or role that they are of, also if its name is back; grants with what their task works for.
Tokens of version 1 ended in [..., expiry, session policy]; they hold until they run out. Grants that end with the
session's name were given by earlier versions to tasks that may still run; they end with the role's name.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import orjson

from sagewright.base.clock import Clock
from sagewright.base.errors import AwsError
from sagewright.operations.access.remembered import Remembered
from sagewright.operations.call import Principal, Session
from sagewright.operations.iam.attached import entity
from sagewright.operations.iam.records import ROLE, USER, find_role
from sagewright.operations.sts.access_keys import AccessKeys
from sagewright.operations.sts.last_used import LastUsed
from sagewright.operations.sts.private_files import kept
from sagewright.operations.sts.root_keys import RootKeys, key_id
from sagewright.resources.arn import Arn
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store

_VERSION: Final = 2
_ENDED: Final = frozenset({"Completed", "Failed", "Stopped"})
"""States in which nothing of a job or endpoint runs."""


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
class _Verified:
    """A token that held: the secret of its key, whose it is, until when."""

    secret: str = field(repr=False)
    principal: Principal
    expiration: float


class Credentials:
    """All keys of one server. Any thread may call any method."""

    def __init__(self, folder: Path, store: Store, clock: Clock, account: str) -> None:
        """Reads the keys under `folder`, and makes what is missing."""
        self._store = store
        self._clock = clock
        self._account = account
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._root = RootKeys(folder)
        self.new = self._root.new
        """Whether the root keys were made just now."""
        self._root_principal = Principal(account, f"arn:aws:iam::{account}:root", account, "root")
        self._master = kept(folder / "master.key", secrets.token_bytes(32))
        self._users = AccessKeys(store, clock, account, self.user_secret)
        self._verified: Remembered[tuple[str, str], _Verified] = Remembered()
        store.subscribe(self._written)
        self.last_used = LastUsed(store, clock, account)

    def root(self) -> tuple[str, str]:
        """The account's root access key id and secret."""
        return self._root.current()

    def user_secret(self, access_key_id: str) -> str:
        """The secret of a user's access key, whether or not there is such a key."""
        return self._secret(b"user", access_key_id)

    @property
    def peers_secret(self) -> str:
        """What servers that share the folder prove to each other that they do with."""
        return self._secret(b"peers", "")

    def issue(
        self,
        who: Principal | str,
        session_name: str = "",
        *,
        duration: float = 3600,
        session: Session | None = None,
    ) -> TemporaryCredentials:
        """Credentials of `who` for `duration` seconds: a principal, or a role's ARN with a session's name.

        `session` is what the token says beyond that. Raises AwsError (AccessDenied) for a role that is not there.
        """
        principal = self.role_principal(who, session_name) if isinstance(who, str) else who
        now = self._clock.now()
        principal = replace(principal, session=session or Session(issued=now))
        access_key_id = key_id("ASIA")
        expiration = float(int(now + duration))
        payload = orjson.dumps((_VERSION, access_key_id, *_identity(principal), expiration, *_claims(principal)))
        token = base64.b64encode(self._seal(b"session", payload) + payload).decode()
        return TemporaryCredentials(access_key_id, self._secret(b"secret", access_key_id), token, expiration, principal)

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

        Raises AwsError: InvalidClientTokenId (403) for unknown and inactive keys, for tokens that are missing, not
        ours or of another key, and for those of a user or role that is gone; ExpiredToken (403) for tokens that were
        good once. Codes are STS's; the edge spells them as the called service does.
        """
        if token is None:
            # The root key's file is looked at only where it matters: that costs more than all the rest.
            found = None if self._root.knows(access_key_id) else self._users.find(access_key_id)
            if found is not None:
                return found
            root = self._root.current()
            if access_key_id != root.access_key_id:
                raise _invalid()
            return root.secret, self._root_principal
        known = self._known(access_key_id, token)
        if now >= known.expiration:
            self._verified.forget((access_key_id, token))
            raise AwsError("ExpiredToken", "The security token included in the request is expired", status=403)
        return known.secret, known.principal

    def claims(self, access_key_id: str, token: str | None) -> Session | None:
        """What a session token says (`Principal.session` of who signs with it); None without a token."""
        return None if token is None else self._known(access_key_id, token).principal.session

    def grant(self, role_arn: str, session_name: str, work: Record) -> str:
        """A token that a task may exchange, as often as it likes while there is `work` for it, for fresh credentials
        of its role."""
        role = find_role(self._store, self._account, role_arn)
        return self.sealed(b"grant", [role_arn, session_name, role and role.status["RoleId"], [*work.key], work.uid])

    def redeem(self, token: str) -> TemporaryCredentials:
        """Credentials for a token of `grant`.

        Raises AwsError (AccessDenied) for any other, and where the role is gone or the work done.
        """
        role_arn, session_name, *bound = self.unsealed(b"grant", token)
        issued = self.issue(role_arn, session_name)
        if bound and not self._holds(issued.principal, *bound):
            raise AwsError("AccessDenied", "What this authorization token was given for is over.", status=403)
        return issued

    def work(self, token: str) -> tuple[Key, str] | None:
        """Key and uid of the record that a token of `grant` is for; None for those of earlier versions.

        Raises AwsError (AccessDenied) for any other.
        """
        _, _, *bound = self.unsealed(b"grant", token)
        return (Key(*bound[1]), bound[2]) if bound else None

    def metadata_token(self, grant: str, seconds: int) -> str:
        """A token by which the metadata of a task is read for so long, by who knows its grant."""
        return self.sealed(b"metadata", [_digest(grant), self._clock.now() + seconds])

    def is_metadata_token(self, token: str, grant: str) -> bool:
        """Whether it is one of `metadata_token` for this grant, and still good."""
        try:
            owner, until = self.unsealed(b"metadata", token)
        except AwsError:
            return False
        return bool(owner == _digest(grant) and self._clock.now() < until)

    def sealed(self, purpose: bytes, content: list[Any]) -> str:
        """Something that is handed out and comes back unchanged; whoever holds it can read it."""
        payload = orjson.dumps(content)
        return base64.urlsafe_b64encode(self._seal(purpose, payload) + payload).decode()

    def unsealed(self, purpose: bytes, token: str) -> list[Any]:
        """The content again. Raises AwsError (AccessDenied) for what was not sealed here, or for another purpose."""
        try:
            sealed = base64.urlsafe_b64decode(token)
        except (binascii.Error, ValueError):
            sealed = b""
        seal, payload = sealed[:32], sealed[32:]
        if not payload or not hmac.compare_digest(seal, self._seal(purpose, payload)):
            raise AwsError("AccessDenied", "This authorization token is not one of a task.", status=403)
        found: list[Any] = orjson.loads(payload)
        return found

    def _holds(self, principal: Principal, role_id: str, work: Sequence[str], uid: str) -> bool:
        """Whether the role is the one that a grant was given for, and the work still to be done."""
        record = self._store.get(Key(*work))
        there = record is not None and record.uid == uid and record.state not in _ENDED
        return there and principal.user_id.partition(":")[0] == role_id

    def close(self) -> None:
        """Write down what is only noted so far."""
        self.last_used.flush()

    def _known(self, access_key_id: str, token: str) -> _Verified:
        place = access_key_id, token
        return self._verified.get(place, lambda: self._verify(*place), self._store, self._clock)

    def _written(self, written: Key) -> None:
        if written.kind in (ROLE, USER):
            self._verified.forget()

    def _verify(self, access_key_id: str, token: str) -> _Verified:
        try:
            sealed = base64.b64decode(token, validate=True)
        except (binascii.Error, ValueError):
            raise _invalid() from None
        seal, payload = sealed[:32], sealed[32:]
        if not hmac.compare_digest(seal, self._seal(b"session", payload)):
            raise _invalid()
        version, owner, account, arn, user_id, kind, expiration, *claims = orjson.loads(payload)
        if owner != access_key_id or account != self._account:
            raise _invalid()
        principal = Principal(account, arn, user_id, kind, _session(version, claims))
        if self._is_gone(principal):
            raise _invalid()
        return _Verified(self._secret(b"secret", owner), principal, expiration)

    def _is_gone(self, principal: Principal) -> bool:
        """Whether there was a user or role behind a session that is no more."""
        behind = (principal.session and principal.session.issuer) or principal
        return behind.kind in ("user", "role") and entity(self._store, self._account, behind) is None

    def _seal(self, purpose: bytes, payload: bytes) -> bytes:
        # What was sealed for one purpose must hold for no other.
        return hmac.digest(self._master, purpose + b"\0" + payload, "sha256")

    def _secret(self, purpose: bytes, access_key_id: str) -> str:
        return base64.b64encode(self._seal(purpose, access_key_id.encode())[:30]).decode()


def _digest(grant: str) -> str:
    return hashlib.sha256(grant.encode()).hexdigest()


def _invalid() -> AwsError:
    return AwsError("InvalidClientTokenId", "The security token included in the request is invalid.", status=403)


# What a token's payload says, there and back.


def _identity(principal: Principal) -> tuple[str, str, str, str]:
    return principal.account, principal.arn, principal.user_id, principal.kind


def _claims(principal: Principal) -> tuple[float, Mapping[str, Any]]:
    session = principal.session
    assert session is not None
    claims = {
        "policies": session.policies,
        "arns": session.policy_arns,
        "tags": session.tags,
        "transitive": session.transitive,
        "source": session.source_identity,
        "mfa": session.mfa,
        "issuer": session.issuer and _identity(session.issuer),
        "owner": session.owner,
    }
    return session.issued, {name: value for name, value in claims.items() if value}


def _session(version: int, rest: list[Any]) -> Session:
    if version == 1:
        # It did not say when it was issued: long ago, for policies that deny what is older than they.
        return Session(issued=0.0, policies=tuple(policy for policy in rest if policy))
    issued, claims = rest
    issuer = claims.get("issuer")
    return Session(
        issued=issued,
        policies=tuple(claims.get("policies", ())),
        policy_arns=tuple(claims.get("arns", ())),
        tags=claims.get("tags", {}),
        transitive=tuple(claims.get("transitive", ())),
        source_identity=claims.get("source"),
        mfa=claims.get("mfa", False),
        issuer=Principal(*issuer) if issuer else None,
        owner=claims.get("owner", False),
    )
