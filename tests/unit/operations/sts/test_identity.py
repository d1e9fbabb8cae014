"""STS's operations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.testing.world import Client, World

ROLE = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World.make(tmp_path)
    yield world
    world.close()


@pytest.fixture
def sts(world: World) -> Client:
    return world.client("sts")


def test_root_is_told_that_it_is_root(sts: Client) -> None:
    assert sts.get_caller_identity() == {
        "UserId": "123456789012",
        "Account": "123456789012",
        "Arn": "arn:aws:iam::123456789012:root",
    }


def test_a_role_is_assumed(world: World, sts: Client) -> None:
    answer = sts.assume_role(RoleArn=ROLE, RoleSessionName="me", SourceIdentity="you", Policy="{}")
    keys, user = answer["Credentials"], answer["AssumedRoleUser"]
    now = world.clock.now()
    _, principal = world.services.credentials.lookup(keys["AccessKeyId"], keys["SessionToken"], now=now)
    assert user == {"AssumedRoleId": principal.user_id, "Arn": principal.arn}
    assert (keys["Expiration"], answer["SourceIdentity"], answer["PackedPolicySize"]) == (now + 3600, "you", 1)
    told = world.as_principal(principal).client("sts").get_caller_identity()
    assert (told["Arn"], told["UserId"]) == (principal.arn, principal.user_id)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"RoleArn": ROLE + "x"}, "AccessDenied"),
        ({"RoleArn": "arn:aws:iam::123456789012:role/SagewrightExecutionRole"}, "AccessDenied"),
        ({"RoleArn": "no arn at all, not even nearly"}, "AccessDenied"),
        ({"RoleArn": ROLE, "DurationSeconds": 43201}, "ValidationError"),
    ],
)
def test_what_cannot_be_assumed(sts: Client, request_: dict[str, Any], code: str) -> None:
    with pytest.raises(AwsError) as caught:
        sts.assume_role(RoleSessionName="me", **request_)
    assert caught.value.code == code


def test_a_session_gives_another_for_an_hour_at_most(world: World, sts: Client) -> None:
    session = world.services.credentials.issue(ROLE, "me").principal
    chained = world.as_principal(session).client("sts")
    assert chained.assume_role(RoleArn=ROLE, RoleSessionName="me")["Credentials"]
    with pytest.raises(AwsError, match="role chaining"):
        chained.assume_role(RoleArn=ROLE, RoleSessionName="me", DurationSeconds=3601)
    with pytest.raises(AwsError, match="session credentials"):
        chained.get_session_token()


def test_root_gets_keys_that_expire_within_the_hour(world: World, sts: Client) -> None:
    keys = sts.get_session_token(DurationSeconds=36 * 3600)["Credentials"]
    assert keys["Expiration"] == world.clock.now() + 3600
    _, principal = world.services.credentials.lookup(keys["AccessKeyId"], keys["SessionToken"], now=world.clock.now())
    assert replace(principal, session=None) == world.principal


def test_a_key_belongs_to_the_account(sts: Client) -> None:
    assert sts.get_access_key_info(AccessKeyId="AKIAIOSFODNN7EXAMPLE") == {"Account": "123456789012"}
