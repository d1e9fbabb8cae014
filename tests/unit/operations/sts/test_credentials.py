"""Keys and tokens: who may sign, until when, and what a restart keeps."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.base.errors import AwsError
from sagewright.base.ids import RandomIds
from sagewright.operations.call import Principal
from sagewright.operations.iam.roles import ensure_default_role
from sagewright.operations.sts.credentials import Credentials
from sagewright.store.memory import MemoryStore
from sagewright.testing.clock import ManualClock

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/SagewrightExecutionRole"
CLOCK = ManualClock()


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    store = MemoryStore()
    ensure_default_role(store, account=ACCOUNT, clock=CLOCK, ids=RandomIds())
    return store


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def credentials(folder: Path, store: MemoryStore) -> Credentials:
    return Credentials(folder, store, CLOCK, ACCOUNT)


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
    (tmp_path / "root.json").unlink()
    new = Credentials(tmp_path, store, CLOCK, ACCOUNT)
    assert (old.new, new.new) == (True, True)
    assert refused(new, old.root()[0], None) == "InvalidClientTokenId"


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
    issued = credentials.redeem(credentials.grant(ROLE, "job"))
    assert issued.principal.arn.endswith("/job")
    for token in ("", "x", credentials.issue(ROLE, "me").session_token):
        with pytest.raises(AwsError, match="AccessDenied"):
            credentials.redeem(token)


def test_a_grant_is_no_session_token(credentials: Credentials) -> None:
    grant = base64.b64encode(base64.urlsafe_b64decode(credentials.grant(ROLE, "job"))).decode()
    assert refused(credentials, "ASIAMADEUP0000000000", grant) == "InvalidClientTokenId"


def test_a_session_policy_travels_in_the_token(credentials: Credentials, folder: Path, store: MemoryStore) -> None:
    issued = credentials.issue(ROLE, "me", policy="{}")
    again = Credentials(folder, store, CLOCK, ACCOUNT)
    assert again.session_policy(issued.access_key_id, issued.session_token) == "{}"
    assert again.session_policy(again.root()[0], None) is None


def test_secrets_are_not_shown(credentials: Credentials) -> None:
    issued = credentials.issue(ROLE, "me")
    assert issued.secret_access_key not in repr(issued)
    assert issued.session_token not in repr(issued)
