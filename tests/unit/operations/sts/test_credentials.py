"""Keys and tokens: who may sign, until when, and what a restart keeps."""

from __future__ import annotations

import base64
import hmac
import stat
from dataclasses import fields, replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.base.errors import AwsError
from sagewright.base.ids import RandomIds
from sagewright.operations.call import Principal, Session
from sagewright.operations.iam.records import ROLE as IAM_ROLE
from sagewright.operations.iam.records import USER, key
from sagewright.operations.iam.roles import ensure_default_role
from sagewright.operations.sts import root_keys
from sagewright.operations.sts.credentials import Credentials
from sagewright.resources.record import Key, Record
from sagewright.store.memory import MemoryStore
from sagewright.testing.clock import ManualClock

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/SagewrightExecutionRole"
CLOCK = ManualClock()
DEFAULT = key(ACCOUNT, IAM_ROLE, "SagewrightExecutionRole")
WORK = Record(Key(ACCOUNT, "us-east-1", "training-job", "", "job"), "uid", 0.0, 0.0, state="InProgress")


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    store = MemoryStore()
    ensure_default_role(store, account=ACCOUNT, clock=CLOCK, ids=RandomIds())
    store.create(WORK)
    return store


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def credentials(folder: Path, store: MemoryStore) -> Credentials:
    return Credentials(folder, store, CLOCK, ACCOUNT)


def user(principal: Principal) -> Record:
    place = key(ACCOUNT, USER, principal.arn.rpartition("/")[2])
    return Record(place, "1", 0.0, 0.0, status={"Arn": principal.arn, "UserId": principal.user_id})


def refused(credentials: Credentials, key: str, token: str | None, now: float | None = None) -> str:
    with pytest.raises(AwsError) as caught:
        credentials.lookup(key, token, now=CLOCK.now() if now is None else now)
    assert caught.value.status == 403
    return caught.value.code


def test_root_keys_are_kept_private_and_survive(credentials: Credentials, folder: Path, store: MemoryStore) -> None:
    key, secret = credentials.root()
    assert (key[:4], len(key), len(secret)) == ("AKIA", 20, 40)
    assert Credentials(folder, store, CLOCK, ACCOUNT).root() == (key, secret)
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in ("root.json", "master.key")} == {0o600}
    assert credentials.lookup(key, None, now=0) == (
        secret,
        Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, "root"),
    )


def test_deleting_the_file_gives_new_root_keys(tmp_path: Path, store: MemoryStore) -> None:
    old = Credentials(tmp_path, store, CLOCK, ACCOUNT)
    old_key, _ = old.root()
    (tmp_path / "root.json").unlink()
    assert old.root()[0] == old_key
    new = Credentials(tmp_path, store, CLOCK, ACCOUNT)
    assert (old.new, new.new) == (True, True)
    assert refused(new, old_key, None) == "InvalidClientTokenId"


def test_a_session_survives_a_restart(credentials: Credentials, folder: Path, store: MemoryStore) -> None:
    issued = credentials.issue(ROLE, "me", duration=900)
    again = Credentials(folder, store, CLOCK, ACCOUNT)
    secret, principal = again.lookup(issued.access_key_id, issued.session_token, now=CLOCK.now())
    assert secret == issued.secret_access_key
    assert (issued.access_key_id[:4], len(issued.access_key_id), len(secret)) == ("ASIA", 20, 40)
    assert principal.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/SagewrightExecutionRole/me"
    assert principal.user_id.startswith("AROA")
    assert principal.user_id.endswith(":me")


def test_a_session_ends(credentials: Credentials) -> None:
    issued = credentials.issue(ROLE, "me", duration=900)
    credentials.lookup(issued.access_key_id, issued.session_token, now=issued.expiration - 1)
    code = refused(credentials, issued.access_key_id, issued.session_token, issued.expiration)
    assert code == "ExpiredToken"


def test_keys_without_their_own_token_are_refused(credentials: Credentials) -> None:
    one, other = credentials.issue(ROLE, "one"), credentials.issue(ROLE, "other")
    assert refused(credentials, one.access_key_id, None) == "InvalidClientTokenId"
    assert refused(credentials, one.access_key_id, other.session_token) == "InvalidClientTokenId"
    assert refused(credentials, credentials.root()[0], one.session_token) == "InvalidClientTokenId"
    assert refused(credentials, "AKIAUNKNOWN000000000", None) == "InvalidClientTokenId"


@given(st.text(max_size=60))
def test_made_up_tokens_are_refused(credentials: Credentials, token: str) -> None:
    assert refused(credentials, "ASIAMADEUP0000000000", token) == "InvalidClientTokenId"


@given(st.data())
def test_a_changed_token_is_refused(credentials: Credentials, data: st.DataObject) -> None:
    issued = credentials.issue(ROLE, "me")
    sealed = bytearray(base64.b64decode(issued.session_token))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    token = base64.b64encode(sealed).decode()
    assert refused(credentials, issued.access_key_id, token) == "InvalidClientTokenId"


def test_a_grant_is_exchanged_for_the_roles_credentials(credentials: Credentials) -> None:
    issued = credentials.redeem(credentials.grant(ROLE, "job", WORK))
    assert issued.principal.arn.endswith("/job")
    for token in ("", "x", credentials.issue(ROLE, "me").session_token):
        with pytest.raises(AwsError, match="AccessDenied"):
            credentials.redeem(token)


def test_a_grant_ends_with_the_work_that_it_is_for(credentials: Credentials, store: MemoryStore) -> None:
    for number, ended in enumerate(("Completed", "Failed", "Stopped", None)):
        work = store.create(replace(WORK, key=WORK.key._replace(name=f"w{number}")))
        grant = credentials.grant(ROLE, "job", work)
        credentials.redeem(grant)
        if ended is None:
            store.delete(work)
            store.create(replace(work, uid="another of the same name", version=0))
        else:
            store.update(replace(work, state=ended))
        with pytest.raises(AwsError, match="is over"):
            credentials.redeem(grant)


def test_a_grant_ends_with_its_role(tmp_path: Path) -> None:
    store = MemoryStore()
    credentials = Credentials(tmp_path, store, CLOCK, ACCOUNT)
    ensure_default_role(store, account=ACCOUNT, clock=CLOCK, ids=RandomIds())
    store.create(WORK)
    grant = credentials.grant(ROLE, "job", WORK)
    role = store.get(DEFAULT)
    assert role is not None
    store.delete(role)
    with pytest.raises(AwsError, match="there is no such role"):
        credentials.redeem(grant)
    store.create(replace(role, status={**role.status, "RoleId": "AROAANOTHER"}, version=0))
    with pytest.raises(AwsError, match="is over"):
        credentials.redeem(grant)


def test_a_grant_of_an_earlier_version_still_holds(credentials: Credentials, folder: Path) -> None:
    payload = orjson.dumps([ROLE, "job"])
    master = (folder / "master.key").read_bytes()
    seal = hmac.digest(master, b"grant\0" + payload, "sha256")
    credentials.redeem(base64.urlsafe_b64encode(seal + payload).decode())


def test_a_session_ends_with_its_role(tmp_path: Path) -> None:
    store = MemoryStore()
    credentials = Credentials(tmp_path, store, CLOCK, ACCOUNT)
    ensure_default_role(store, account=ACCOUNT, clock=CLOCK, ids=RandomIds())
    issued = credentials.issue(ROLE, "me")
    assert credentials.lookup(issued.access_key_id, issued.session_token, now=CLOCK.now())
    role = store.get(DEFAULT)
    assert role is not None
    store.delete(role)
    assert refused(credentials, issued.access_key_id, issued.session_token) == "InvalidClientTokenId"
    # Another of the same name is another role.
    store.create(replace(role, status={**role.status, "RoleId": "AROAANOTHER"}, version=0))
    assert refused(credentials, issued.access_key_id, issued.session_token) == "InvalidClientTokenId"


@pytest.mark.parametrize("federated", [False, True])
def test_a_session_ends_with_its_user(tmp_path: Path, federated: bool) -> None:
    store = MemoryStore()
    credentials = Credentials(tmp_path, store, CLOCK, ACCOUNT)
    ann = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ann", "AIDAANN", "user")
    bob = Principal(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:federated-user/bob", f"{ACCOUNT}:bob", "federated")
    record = store.create(user(ann))
    session = Session(CLOCK.now(), issuer=ann if federated else None)
    issued = credentials.issue(bob if federated else ann, session=session)
    assert credentials.lookup(issued.access_key_id, issued.session_token, now=CLOCK.now())
    store.delete(record)
    assert refused(credentials, issued.access_key_id, issued.session_token) == "InvalidClientTokenId"


def test_a_grant_is_no_session_token(credentials: Credentials) -> None:
    grant = base64.b64encode(base64.urlsafe_b64decode(credentials.grant(ROLE, "job", WORK))).decode()
    assert refused(credentials, "ASIAMADEUP0000000000", grant) == "InvalidClientTokenId"


def test_what_a_session_says_travels_in_the_token(credentials: Credentials, folder: Path, store: MemoryStore) -> None:
    issuer = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ann", "AIDAANN", "user")
    store.create(user(issuer))
    said = Session(
        CLOCK.now(),
        policies=("{}",),
        policy_arns=("arn:aws:iam::aws:policy/ReadOnlyAccess",),
        tags={"team": "a", "cost": ""},
        transitive=("team",),
        source_identity="ann",
        issuer=issuer,
    )
    issued = credentials.issue(ROLE, "me", session=said)
    again = Credentials(folder, store, CLOCK, ACCOUNT)
    heard = again.claims(issued.access_key_id, issued.session_token)
    assert heard is not None
    assert [getattr(heard, each.name) for each in fields(Session)] == [
        getattr(said, each.name) for each in fields(Session)
    ]
    _, principal = again.lookup(issued.access_key_id, issued.session_token, now=CLOCK.now())
    assert principal.session is heard
    assert again.claims(again.root()[0], None) is None


def test_two_sessions_are_two_callers(credentials: Credentials) -> None:
    one, other = (credentials.issue(ROLE, "me", session=Session(CLOCK.now())).principal for _ in range(2))
    assert one.arn == other.arn
    assert one != other


def test_a_token_of_the_first_version_still_holds(credentials: Credentials, folder: Path, store: MemoryStore) -> None:
    role = store.get(DEFAULT)
    assert role is not None
    key, arn = "ASIAOLD0000000000000", f"arn:aws:sts::{ACCOUNT}:assumed-role/SagewrightExecutionRole/me"
    payload = orjson.dumps([1, key, ACCOUNT, arn, f"{role.status['RoleId']}:me", "role", CLOCK.now() + 60, "{}"])
    seal = hmac.digest((folder / "master.key").read_bytes(), b"session\0" + payload, "sha256")
    token = base64.b64encode(seal + payload).decode()
    _, principal = credentials.lookup(key, token, now=CLOCK.now())
    assert principal.arn == arn
    heard = credentials.claims(key, token)
    assert heard is not None
    assert (heard.policies, heard.issued) == (("{}",), 0.0)


def test_a_new_root_key_counts_at_once(tmp_path: Path, store: MemoryStore) -> None:
    credentials = Credentials(tmp_path, store, CLOCK, ACCOUNT)
    old = credentials.root()
    new = root_keys.rotate(tmp_path)
    assert refused(credentials, old[0], None) == "InvalidClientTokenId"
    secret, principal = credentials.lookup(new.access_key_id, None, now=CLOCK.now())
    assert (secret, principal.kind) == (new.secret, "root")
    assert stat.S_IMODE((tmp_path / "root.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_secrets_are_not_shown(credentials: Credentials) -> None:
    issued = credentials.issue(ROLE, "me")
    assert issued.secret_access_key not in repr(issued)
    assert issued.session_token not in repr(issued)
