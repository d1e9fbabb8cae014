"""Users' access keys."""

from __future__ import annotations

import orjson
import pytest

from sagewright.operations.iam.records import ACCESS_KEY, all_of
from sagewright.testing.policies import refusal
from sagewright.testing.world import Client, World

ANN = {"UserName": "ann"}


@pytest.fixture(autouse=True)
def _ann(iam: Client) -> None:
    iam.create_user(**ANN)


def test_the_secret_is_shown_once_and_kept_nowhere(world: World, iam: Client) -> None:
    made = iam.create_access_key(**ANN)["AccessKey"]
    assert (made["AccessKeyId"][:4], len(made["SecretAccessKey"]), made["Status"]) == ("AKIA", 40, "Active")
    listed = iam.list_access_keys(**ANN)["AccessKeyMetadata"]
    assert listed == [{name: value for name, value in made.items() if name != "SecretAccessKey"}]
    records = [*all_of(world.services.store, world.services.settings.account, ACCESS_KEY)]
    kept = orjson.dumps([(record.spec, record.status) for record in records]).decode()
    assert made["SecretAccessKey"] not in kept


def test_a_user_has_two_keys_at_most(iam: Client) -> None:
    for _ in range(2):
        iam.create_access_key(**ANN)
    assert refusal(iam.create_access_key, **ANN) == (
        "LimitExceeded",
        409,
        "Cannot exceed quota for AccessKeysPerUser: 2",
    )


def test_keys_are_put_aside_and_deleted(iam: Client) -> None:
    key = iam.create_access_key(**ANN)["AccessKey"]["AccessKeyId"]
    iam.update_access_key(**ANN, AccessKeyId=key, Status="Inactive")
    assert iam.list_access_keys(**ANN)["AccessKeyMetadata"][0]["Status"] == "Inactive"
    iam.create_user(UserName="eve")
    for question in (iam.delete_access_key, iam.update_access_key):
        assert refusal(question, UserName="eve", AccessKeyId=key, Status="Active")[0] == "NoSuchEntity"
    iam.delete_access_key(**ANN, AccessKeyId=key)
    assert refusal(iam.delete_access_key, **ANN, AccessKeyId=key)[0] == "NoSuchEntity"
    assert refusal(iam.get_access_key_last_used, AccessKeyId=key)[0] == "NoSuchEntity"


def test_when_a_key_was_used_last(world: World, iam: Client) -> None:
    key = iam.create_access_key(**ANN)["AccessKey"]["AccessKeyId"]
    never = iam.get_access_key_last_used(AccessKeyId=key)
    assert never == {"UserName": "ann", "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}}
    credentials = world.services.credentials
    _, ann = credentials.lookup(key, None, now=world.clock.now())
    credentials.last_used.note(ann, key, service="s3", region="eu-west-1")
    used = {"LastUsedDate": float(int(world.clock.now())), "ServiceName": "s3", "Region": "eu-west-1"}
    assert iam.get_access_key_last_used(AccessKeyId=key)["AccessKeyLastUsed"] == used
    credentials.close()
    assert iam.get_access_key_last_used(AccessKeyId=key)["AccessKeyLastUsed"] == used


def test_root_has_the_one_key(world: World, iam: Client) -> None:
    assert iam.list_access_keys()["AccessKeyMetadata"] == [
        {"AccessKeyId": world.services.credentials.root()[0], "Status": "Active"}
    ]
    assert "sagewright keys rotate" in refusal(iam.create_access_key)[2]
