"""The console's sessions, and the one-time links that open root's.

Both are records that only who made them can find: their names are digests of random tokens, so that whoever reads the
store can act as nobody. A session names its user and which password opened it; it ends with either, with log-out, and
with its time. One that a company's identity provider opened is a session of a role, under the name that the provider
gave, and ends with the role.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from sagewright.base.errors import AlreadyExists, AwsError, StaleRecord
from sagewright.operations.call import Principal, Services, Session
from sagewright.operations.iam.attached import entity
from sagewright.operations.iam.login_profiles import PROFILE
from sagewright.operations.iam.records import USER, key
from sagewright.resources.record import Record
from sagewright.store.base import Query, Write

KIND: Final = "console-session"
SESSION_SECONDS: Final = 43_200
LINK_SECONDS: Final = 600
_ROOT: Final = "root"
_LINK, _OPEN, _SPENT = "link", "open", "spent"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a browser acts for."""

    principal: Principal
    name: str
    """The user's, `root`, or what the company's identity provider calls who came from there."""
    token: str = field(repr=False)
    """Of the session; '' where nobody needs to sign in."""

    @property
    def proof(self) -> str:
        """What pages of ours send along, and pages of elsewhere do not know."""
        return hmac.digest(self.token.encode(), b"console", "sha256").hex()


def root(services: Services) -> Principal:
    """The account itself."""
    account = services.settings.account
    return Principal(account, f"arn:aws:iam::{account}:root", account, "root")


def make_link(services: Services) -> str:
    """A token that opens a session of root's, once, within some minutes."""
    return _kept(services, {"UserName": _ROOT}, _LINK, LINK_SECONDS)


def follow_link(services: Services, token: str) -> str | None:
    """The token of the session that a link opens; None for one that was used or ran out."""
    link = services.store.get(key(services.settings.account, KIND, _digest(token)))
    if link is None or link.state != _LINK or link.spec["Expires"] < services.clock.now():
        return None
    try:
        services.store.delete(link)
    except StaleRecord:
        return None  # somebody was faster
    return _kept(services, {"UserName": _ROOT}, _OPEN, SESSION_SECONDS)


def spend(services: Services, once: str) -> bool:
    """Whether something that counts once was not spent before; it is now."""
    now, place = services.clock.now(), key(services.settings.account, KIND, _digest(once))
    try:
        services.store.create(Record(place, services.ids.uuid(), now, now, state=_SPENT))
    except AlreadyExists:
        return False
    return True


def open_(services: Services, user: Record, profile: Record) -> str:
    """The token of a new session of a user's, who has proved to know the password."""
    spec = {"UserName": user.name, "UserId": user.status["UserId"], "Stamp": _stamp(profile)}
    return _kept(services, spec, _OPEN, SESSION_SECONDS)


def open_of_role(services: Services, role_arn: str, name: str, seconds: float) -> str | None:
    """The token of a new session of a role's, under a name; None where there is no such role."""
    try:
        principal = services.credentials.role_principal(role_arn, name)
    except AwsError:
        return None
    spec = {"UserName": name, "UserId": principal.user_id, "Arn": principal.arn}
    return _kept(services, spec, _OPEN, min(seconds, SESSION_SECONDS))


def visitor(services: Services, token: str) -> Visitor | None:
    """Who a session is of; None where there is no such session, or no such role or user with that password any more."""
    store, account = services.store, services.settings.account
    found = store.get(key(account, KIND, _digest(token)))
    if found is None or found.state != _OPEN or found.spec["Expires"] < services.clock.now():
        return None
    name: str = found.spec["UserName"]
    if not found.spec.get("UserId"):
        return Visitor(root(services), name, token)
    if "Arn" in found.spec:
        of_role = Principal(account, found.spec["Arn"], found.spec["UserId"], "role")
        if entity(store, account, of_role) is None:
            return None
        return Visitor(replace(of_role, session=_session(found.uid, found.created)), name, token)
    user, profile = store.get(key(account, USER, name)), store.get(key(account, PROFILE, name))
    if user is None or profile is None or user.status["UserId"] != found.spec["UserId"]:
        return None
    if _stamp(profile) != found.spec["Stamp"]:
        return None
    return Visitor(Principal(account, user.status["Arn"], user.status["UserId"], "user"), name, token)


def close(services: Services, token: str) -> None:
    """Log out."""
    found = services.store.get(key(services.settings.account, KIND, _digest(token)))
    if found is not None:
        with suppress(StaleRecord):
            services.store.delete(found)


def _kept(services: Services, spec: dict[str, Any], state: str, seconds: float) -> str:
    now, token = services.clock.now(), secrets.token_urlsafe(32)
    place = key(services.settings.account, KIND, _digest(token))
    _forget_old(services, now)
    spec = {**spec, "Expires": now + seconds}
    services.store.create(Record(place, services.ids.uuid(), now, now, spec=spec, state=state))
    return token


@lru_cache(maxsize=1024)
def _session(_uid: str, issued: float) -> Session:
    """The same one for all requests of a session, so that what was decided for it is remembered."""
    return Session(issued=issued)


def _forget_old(services: Services, now: float) -> None:
    account = services.settings.account
    old = Query(account, "", KIND, created_before=now - SESSION_SECONDS, sort_by="created")
    gone: list[Write] = [("delete", each) for each in services.store.list(old, limit=100).records]
    with suppress(StaleRecord):
        services.store.write(gone)


def _stamp(profile: Record) -> str:
    """Another for each password."""
    return hashlib.sha256(profile.status["Hash"].encode()).hexdigest()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
