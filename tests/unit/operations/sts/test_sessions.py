"""Sessions: who may begin one, what it says, how long it lasts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagewright.operations.call import Principal, Session
from sagewright.testing.policies import allowing, refusal, trusting
from sagewright.testing.world import World

ACCOUNT = "123456789012"
DEFAULT = f"arn:aws:iam::{ACCOUNT}:role/service-role/SagewrightExecutionRole"
S3 = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
TEAM = [{"Key": "team", "Value": "a"}, {"Key": "cost", "Value": "7"}]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World.make(tmp_path)
    yield world
    world.close()


@pytest.fixture
def ann(world: World) -> World:
    """The world as a user asks it, who may nothing but what trust policies say."""
    iam = world.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    return world.as_principal(world.services.credentials.lookup(key, None, now=0.0)[1])


@pytest.fixture
def role(world: World, ann: World) -> str:
    """A role that trusts ann, and its own sessions."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/r"
    trust = trusting(AWS=ann.principal.arn).replace(f'"{ann.principal.arn}"', f'["{ann.principal.arn}", "{arn}"]')
    world.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust)
    return arn


def begun(world: World, answer: dict[str, Any]) -> Principal:
    """Whose credentials an answer holds."""
    keys = answer["Credentials"]
    return world.services.credentials.lookup(keys["AccessKeyId"], keys["SessionToken"], now=world.clock.now())[1]


def said(world: World, answer: dict[str, Any]) -> Session:
    session = begun(world, answer).session
    assert session is not None
    return session


def test_a_role_lets_in_whom_it_trusts(world: World, ann: World, role: str) -> None:
    answer = ann.client("sts").assume_role(RoleArn=role, RoleSessionName="me")
    principal = begun(world, answer)
    assert answer["AssumedRoleUser"] == {"AssumedRoleId": principal.user_id, "Arn": principal.arn}
    assert principal.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/r/me"
    assert answer["Credentials"]["Expiration"] == world.clock.now() + 3600
    world.client("iam").create_user(UserName="eve")
    code, status, sentence = refusal(ann.client("sts").assume_role, RoleArn=DEFAULT, RoleSessionName="me")
    assert (code, status) == ("AccessDenied", 403)
    assert "user/ann is not authorized to perform: sts:AssumeRole" in sentence


def test_what_a_session_was_given_is_said_in_its_token(world: World, ann: World, role: str) -> None:
    answer = ann.client("sts").assume_role(
        RoleArn=role,
        RoleSessionName="me",
        Policy=allowing("s3:*"),
        PolicyArns=[{"arn": S3}],
        Tags=TEAM,
        TransitiveTagKeys=["Team"],
        SourceIdentity="ann",
    )
    session = said(world, answer)
    assert (session.policies, session.policy_arns) == ((allowing("s3:*"),), (S3,))
    assert (session.tags, session.transitive) == ({"team": "a", "cost": "7"}, ("team",))
    assert (session.source_identity, session.issued) == ("ann", world.clock.now())
    assert (answer["SourceIdentity"], answer["PackedPolicySize"] > 0) == ("ann", True)


def test_what_goes_along_a_chain(world: World, ann: World, role: str) -> None:
    first = ann.client("sts").assume_role(
        RoleArn=role, RoleSessionName="me", Tags=TEAM, TransitiveTagKeys=["team"], SourceIdentity="ann",
        Policy=allowing("sts:*"),
    )  # fmt: skip
    chained = world.as_principal(begun(world, first)).client("sts")
    again = {"RoleArn": role, "RoleSessionName": "next"}
    session = said(world, chained.assume_role(**again, Tags=[{"Key": "b", "Value": "1"}]))
    assert (session.tags, session.transitive) == ({"team": "a", "b": "1"}, ("team",))
    assert (session.source_identity, session.policies) == ("ann", ())
    assert refusal(chained.assume_role, **again, SourceIdentity="eve")[0] == "AccessDenied"
    conflict = refusal(chained.assume_role, **again, Tags=[{"Key": "Team", "Value": "b"}])
    assert conflict[0] == "InvalidParameterValue"
    world.client("iam").update_role(RoleName="r", MaxSessionDuration=7200)
    assert "role chaining" in refusal(chained.assume_role, **again, DurationSeconds=3601)[2]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"Policy": "{}"}, "MalformedPolicyDocument"),
        ({"PolicyArns": [{"arn": S3 + "x"}]}, "MalformedPolicyDocument"),
        ({"PolicyArns": [{"arn": S3}] * 11}, "ValidationError"),
        ({"Tags": [{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}]}, "InvalidParameterValue"),
        ({"TransitiveTagKeys": ["a"]}, "InvalidParameterValue"),
        ({"DurationSeconds": 3601}, "ValidationError"),
        ({"SerialNumber": "arn:aws:iam::1:mfa/a", "TokenCode": "123456"}, "ValidationError"),
    ],
)
def test_what_no_session_is_given(ann: World, role: str, asked: dict[str, Any], code: str) -> None:
    assert refusal(ann.client("sts").assume_role, RoleArn=role, RoleSessionName="me", **asked)[0] == code


def test_a_session_has_room_for_so_much(world: World, ann: World, role: str) -> None:
    words = [hashlib.sha512(bytes([number])).hexdigest() for number in range(50)]  # what cannot be squeezed much
    tags = [{"Key": word, "Value": word[::-1]} for word in words]
    asked = {"RoleArn": role, "RoleSessionName": "me"}
    assert refusal(ann.client("sts").assume_role, **asked, Tags=tags)[0] == "PackedPolicyTooLarge"
    long = allowing(*["s3:GetObject"] * 200)
    assert refusal(ann.client("sts").assume_role, **asked, Policy=long)[0] == "ValidationError"


@pytest.mark.parametrize(
    "arn", [DEFAULT + "x", f"arn:aws:iam::{ACCOUNT}:role/SagewrightExecutionRole", "no arn at all"]
)
def test_what_is_no_role(world: World, arn: str) -> None:
    assert refusal(world.client("sts").assume_role, RoleArn=arn, RoleSessionName="me")[0] == "AccessDenied"


def test_the_default_role_renews_itself(world: World) -> None:
    session = world.services.credentials.issue(DEFAULT, "me").principal
    own = world.as_principal(session).client("sts")
    assert own.assume_role(RoleArn=DEFAULT, RoleSessionName="me")["Credentials"]
    assert "session credentials" in refusal(own.get_session_token)[2]


def test_a_user_gets_keys_of_its_own_that_expire(world: World, ann: World) -> None:
    answer = ann.client("sts").get_session_token()
    principal = begun(world, answer)
    assert (principal.arn, principal.kind) == (ann.principal.arn, "user")
    assert answer["Credentials"]["Expiration"] == world.clock.now() + 12 * 3600
    assert refusal(world.as_principal(principal).client("sts").get_session_token)[0] == "AccessDenied"


def test_root_gets_keys_that_expire_within_the_hour(world: World) -> None:
    answer = world.client("sts").get_session_token(DurationSeconds=36 * 3600)
    assert answer["Credentials"]["Expiration"] == world.clock.now() + 3600
    assert begun(world, answer).arn == world.principal.arn


def test_a_federated_user_is_vouched_for(world: World, ann: World) -> None:
    answer = ann.client("sts").get_federation_token(Name="bob", Policy=allowing("s3:*"), Tags=TEAM)
    assert answer["FederatedUser"] == {
        "FederatedUserId": f"{ACCOUNT}:bob",
        "Arn": f"arn:aws:sts::{ACCOUNT}:federated-user/bob",
    }
    principal = begun(world, answer)
    session = said(world, answer)
    assert (principal.kind, session.issuer) == ("federated", ann.principal)
    assert (session.policies, session.tags["team"]) == ((allowing("s3:*"),), "a")
    told = world.as_principal(principal).client("sts")
    assert told.get_caller_identity()["Arn"] == principal.arn
    assert refusal(told.get_federation_token, Name="eve")[0] == "AccessDenied"
