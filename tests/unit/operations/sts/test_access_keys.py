"""Users' keys at the edge: which count, and how soon a change does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sagewright.operations.sts.credentials import Credentials
from sagewright.resources.record import Key, Record
from sagewright.testing.policies import refusal
from sagewright.testing.world import Client, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World.make(tmp_path)
    yield world
    world.close()


@pytest.fixture
def iam(world: World) -> Client:
    iam = world.client("iam")
    iam.create_user(UserName="ann", Path="/team/")
    return iam


@pytest.fixture
def key(iam: Client) -> dict[str, str]:
    made: dict[str, str] = iam.create_access_key(UserName="ann")["AccessKey"]
    return made


def code(credentials: Credentials, key: str, token: str | None = None) -> str:
    return refusal(credentials.lookup, access_key_id=key, token=token, now=0.0)[0]


def test_a_key_is_its_users(world: World, key: dict[str, str], tmp_path: Path) -> None:
    services = world.services
    secret, principal = services.credentials.lookup(key["AccessKeyId"], None, now=0.0)
    assert secret == key["SecretAccessKey"]
    assert (principal.kind, principal.arn) == ("user", "arn:aws:iam::123456789012:user/team/ann")
    again = Credentials(tmp_path / "keys", services.store, world.clock, services.settings.account)
    assert again.lookup(key["AccessKeyId"], None, now=0.0)[0] == secret


def test_a_change_counts_at_once(world: World, iam: Client, key: dict[str, str]) -> None:
    credentials, identity = world.services.credentials, key["AccessKeyId"]
    credentials.lookup(identity, None, now=0.0)
    iam.update_access_key(UserName="ann", AccessKeyId=identity, Status="Inactive")
    assert code(credentials, identity) == "InvalidClientTokenId"
    iam.update_access_key(UserName="ann", AccessKeyId=identity, Status="Active")
    iam.update_user(UserName="ann", NewUserName="eve", NewPath="/")
    assert credentials.lookup(identity, None, now=0.0)[1].arn == "arn:aws:iam::123456789012:user/eve"
    iam.delete_access_key(UserName="eve", AccessKeyId=identity)
    assert code(credentials, identity) == "InvalidClientTokenId"


def test_where_others_write_too_a_key_is_read_again_within_a_second(
    world: World, key: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = world.services
    store = services.store
    monkeypatch.setattr(type(store), "local", False)
    credentials = Credentials(tmp_path / "keys", store, world.clock, services.settings.account)
    reads: list[str] = []
    read = store.get

    def counted(key: Key) -> Record | None:
        reads.append(key.name)
        return read(key)

    monkeypatch.setattr(store, "get", counted)
    for _ in range(2):
        credentials.lookup(key["AccessKeyId"], None, now=0.0)
    assert len(reads) == 2
    world.clock.advance(1.0)
    credentials.lookup(key["AccessKeyId"], None, now=0.0)
    assert len(reads) == 4


@pytest.mark.parametrize("identity", ["", "AKIA\0UNKNOWN000000000", "AKIA" + "Ä" * 16, "A" * 200])
def test_what_is_no_key_is_not_looked_for(world: World, identity: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(world.services.store), "get", None)
    assert code(world.services.credentials, identity) == "InvalidClientTokenId"


def test_a_key_goes_with_no_token(world: World, key: dict[str, str]) -> None:
    issued = world.services.credentials.issue(world.principal)
    assert code(world.services.credentials, key["AccessKeyId"], issued.session_token) == "InvalidClientTokenId"


def test_uses_are_written_down_now_and_then(world: World, iam: Client, key: dict[str, str]) -> None:
    credentials, identity = world.services.credentials, key["AccessKeyId"]
    role = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"
    session = credentials.issue(role, "me").principal
    _, ann = credentials.lookup(identity, None, now=0.0)
    credentials.last_used.note(ann, identity, service="s3", region="us-east-1")
    credentials.last_used.note(session, "ASIA", service="sagemaker", region="us-east-1")
    credentials.last_used.note(world.principal, "AKIA", service="s3", region="us-east-1")
    used = iam.get_role(RoleName="SagewrightExecutionRole")["Role"]["RoleLastUsed"]
    assert used == {"LastUsedDate": float(int(world.clock.now())), "Region": "us-east-1"}
    credentials.close()
    assert iam.get_role(RoleName="SagewrightExecutionRole")["Role"]["RoleLastUsed"] == used
