"""Passwords, and the account's rules for them."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

import pytest

from sagewright.operations.iam.login_profiles import PROFILE, proves
from sagewright.operations.iam.records import all_of
from sagewright.testing.policies import refusal
from sagewright.testing.world import Client, World

ANN = {"UserName": "ann"}
GOOD, BETTER = "Correct-horse-9", "Battery-staple-8"


@pytest.fixture(autouse=True)
def _ann(iam: Client) -> None:
    iam.create_user(**ANN)


def test_a_password_is_kept_as_a_hash(world: World, iam: Client) -> None:
    made = iam.create_login_profile(**ANN, Password=GOOD, PasswordResetRequired=True)["LoginProfile"]
    assert made == iam.get_login_profile(**ANN)["LoginProfile"]
    assert made["PasswordResetRequired"]
    assert refusal(iam.create_login_profile, **ANN, Password=GOOD)[0] == "EntityAlreadyExists"
    kept = [record.status for record in all_of(world.services.store, world.services.settings.account, PROFILE)]
    assert GOOD not in repr(kept)
    assert kept[0]["Hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    iam.delete_login_profile(**ANN)
    assert refusal(iam.get_login_profile, **ANN)[0] == "NoSuchEntity"


def test_who_knows_a_password_changes_it(world: World, iam: Client) -> None:
    iam.create_login_profile(**ANN, Password=GOOD)
    key = iam.create_access_key(**ANN)["AccessKey"]["AccessKeyId"]
    _, principal = world.services.credentials.lookup(key, None, now=world.clock.now())
    own = world.as_principal(principal).client("iam")
    assert refusal(own.change_password, OldPassword=BETTER, NewPassword=BETTER)[:2] == ("AccessDenied", 403)
    own.change_password(OldPassword=GOOD, NewPassword=BETTER)
    own.change_password(OldPassword=BETTER, NewPassword=GOOD)


@pytest.mark.parametrize("weak", ["Short-1", "alllowercaseletters", "letters-and-symbols"])
def test_without_rules_aws_own_count(iam: Client, weak: str) -> None:
    assert refusal(iam.create_login_profile, **ANN, Password=weak)[0] == "PasswordPolicyViolation"


def test_the_accounts_rules_count(iam: Client) -> None:
    assert refusal(iam.get_account_password_policy)[0] == "NoSuchEntity"
    iam.update_account_password_policy(MinimumPasswordLength=12, RequireSymbols=True, PasswordReusePrevention=2)
    rules = iam.get_account_password_policy()["PasswordPolicy"]
    assert (rules["MinimumPasswordLength"], rules["RequireNumbers"], rules["ExpirePasswords"]) == (12, False, False)
    for weak in ("short-one", "longenoughbutplain"):
        assert refusal(iam.create_login_profile, **ANN, Password=weak)[0] == "PasswordPolicyViolation"
    iam.create_login_profile(**ANN, Password="a-long-one-already")
    iam.update_login_profile(**ANN, Password="another-long-one!")
    for used in ("a-long-one-already", "another-long-one!"):
        assert refusal(iam.update_login_profile, **ANN, Password=used)[0] == "PasswordPolicyViolation"
    iam.update_account_password_policy()
    assert iam.get_account_password_policy()["PasswordPolicy"]["MinimumPasswordLength"] == 6
    iam.delete_account_password_policy()
    assert refusal(iam.delete_account_password_policy)[0] == "NoSuchEntity"


def test_hashes_of_earlier_versions_hold(world: World, iam: Client) -> None:
    iam.create_login_profile(**ANN, Password=GOOD)
    profile = next(all_of(world.services.store, world.services.settings.account, PROFILE))
    salt = b"0123456789abcdef"
    digest = hashlib.scrypt(BETTER.encode(), salt=salt, n=2**14, r=8, p=1)
    old = "$".join(["scrypt", "16384", "8", "1", *(base64.b64encode(part).decode() for part in (salt, digest))])
    earlier = replace(profile, status={**profile.status, "Hash": old})
    assert proves(earlier, BETTER)
    assert not proves(earlier, GOOD)
    assert not proves(None, GOOD)
