"""Who may take on a role."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.operations.access import trust
from sagewright.operations.call import Call, Principal
from sagewright.operations.iam.records import ROLE, key
from sagewright.resources.record import Record
from sagewright.testing.world import World

ACCOUNT = "123456789012"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World.make(tmp_path)
    yield world
    world.close()


def role(world: World, name: str, *statements: dict[str, Any], policy: dict[str, Any] | None = None) -> Record:
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam = world.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    if policy is not None:
        inline = json.dumps({"Version": "2012-10-17", "Statement": [policy]})
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=inline)
    found = world.services.store.get(key(ACCOUNT, ROLE, name))
    assert found is not None
    return found


def opened(principal: Any, **members: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **members}


def session(world: World, of: Record) -> Principal:
    return world.services.credentials.issue(of.status["Arn"], "me").principal


def may(world: World, principal: Principal, target: Record, **request: Any) -> bool:
    call = Call("sts", "AssumeRole", principal, ACCOUNT, "us-east-1", "id", {}, "http://here", world.services)
    try:
        trust.check(call, target, request=request)
    except AwsError as error:
        return (error.code, error.status) != ("AccessDenied", 403)
    return True


SERVICE = opened({"Service": "sagemaker.amazonaws.com"})
ASSUMES = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}


def test_a_role_that_trusts_the_account_needs_the_callers_own_policy_too(world: World) -> None:
    target = role(world, "target", opened({"AWS": ACCOUNT}))
    assert may(world, session(world, role(world, "able", SERVICE, policy=ASSUMES)), target)
    assert not may(world, session(world, role(world, "unable", SERVICE)), target)


def test_a_role_that_trusts_a_role_needs_no_more(world: World) -> None:
    caller = role(world, "caller", SERVICE)
    assert may(world, session(world, caller), role(world, "named", opened({"AWS": caller.status["Arn"]})))
    other = role(world, "other", SERVICE, policy=ASSUMES)
    assert not may(world, session(world, other), role(world, "closed", opened({"AWS": caller.status["Arn"]})))


def test_conditions_see_the_request(world: World) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "secret"}, "StringLike": {"aws:RequestTag/Team": "a*"}}
    target = role(world, "target", opened({"AWS": "*"}, Condition=condition))
    caller = session(world, role(world, "caller", SERVICE))
    assert may(world, caller, target, ExternalId="secret", Tags=[{"Key": "team", "Value": "ab"}])
    assert not may(world, caller, target, ExternalId="wrong", Tags=[{"Key": "team", "Value": "ab"}])
    assert not may(world, caller, target, ExternalId="secret")


def test_the_accounts_root_may_take_on_any_role(world: World) -> None:
    assert may(world, world.principal, role(world, "target", SERVICE))


def test_a_session_of_a_role_that_was_made_anew_is_nobody(world: World) -> None:
    caller = role(world, "caller", SERVICE)
    old = session(world, caller)
    target = role(world, "target", opened({"AWS": caller.status["Arn"]}))
    world.client("iam").delete_role(RoleName="caller")
    role(world, "caller", SERVICE)
    assert not may(world, old, target)


def test_services_are_trusted_by_name(world: World) -> None:
    assert trust.allows_service(role(world, "a", SERVICE), "sagemaker.amazonaws.com")
    assert not trust.allows_service(role(world, "b", SERVICE), "lambda.amazonaws.com")
    assert not trust.allows_service(role(world, "c", opened({"AWS": ACCOUNT})), "sagemaker.amazonaws.com")
    guarded = opened({"Service": "*.amazonaws.com"})
    assert not trust.allows_service(role(world, "d", guarded), "sagemaker.amazonaws.com")
    mine = {"ArnLike": {"aws:SourceArn": f"arn:aws:sagemaker:*:{ACCOUNT}:*"}}
    careful = role(world, "e", opened({"Service": "sagemaker.amazonaws.com"}, Condition=mine))
    source = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/a"
    assert trust.allows_service(careful, "sagemaker.amazonaws.com", source=source)
    assert not trust.allows_service(careful, "sagemaker.amazonaws.com", source=source.replace(ACCOUNT, "210987654321"))
