"""Policies on users, groups and roles alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote

import pytest

from sagewright.resources.record import Record
from sagewright.store.base import Write
from sagewright.testing.policies import allowing, refusal, trusting
from sagewright.testing.world import Client, World

FULL = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
NOUNS = ("user", "group", "role")
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(params=NOUNS)
def noun(request: pytest.FixtureRequest, iam: Client) -> str:
    """One of the nouns; there is one of each, called `x`."""
    iam.create_user(UserName="x")
    iam.create_group(GroupName="x")
    iam.create_role(RoleName="x", AssumeRolePolicyDocument=trusting(Service="sagemaker.amazonaws.com"))
    return str(request.param)


@pytest.fixture
def ask(iam: Client, noun: str) -> Ask:
    """`ask("attach_{}_policy")`, of the one called `x`."""

    def asked(operation: str, name: str = "x", **members: Any) -> dict[str, Any]:
        return dict(getattr(iam, operation.format(noun))(**{f"{noun.capitalize()}Name": name, **members}))

    return asked


def test_a_policy_is_attached_and_detached(iam: Client, ask: Ask, noun: str) -> None:
    arn = iam.create_policy(PolicyName="p", PolicyDocument=allowing("s3:*"), Path="/p/")["Policy"]["Arn"]
    for _ in range(2):
        ask("attach_{}_policy", PolicyArn=arn)
    ask("attach_{}_policy", PolicyArn=FULL)
    listed = ask("list_attached_{}_policies")["AttachedPolicies"]
    assert listed == [
        {"PolicyName": "p", "PolicyArn": arn},
        {"PolicyName": "AmazonSageMakerFullAccess", "PolicyArn": FULL},
    ]
    assert ask("list_attached_{}_policies", PathPrefix="/p/")["AttachedPolicies"] == listed[:1]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    assert [each[f"{noun.capitalize()}Name"] for each in entities[f"Policy{noun.capitalize()}s"]] == ["x"]
    assert sum(len(value) for value in entities.values() if isinstance(value, list)) == 1
    assert refusal(iam.delete_policy, PolicyArn=arn)[0] == "DeleteConflict"
    ask("detach_{}_policy", PolicyArn=arn)
    assert refusal(ask, operation="detach_{}_policy", PolicyArn=arn)[0] == "NoSuchEntity"
    iam.delete_policy(PolicyArn=arn)


def test_what_is_not_there_is_not_attached(ask: Ask) -> None:
    missing = {"operation": "attach_{}_policy", "PolicyArn": FULL + "x"}
    assert refusal(ask, **missing)[2] == f"Policy {FULL}x does not exist or is not attachable."
    assert refusal(ask, operation="attach_{}_policy", name="y", PolicyArn=FULL)[0] == "NoSuchEntity"


def test_twenty_policies_are_attached_at_most(iam: Client, ask: Ask) -> None:
    arns = [
        iam.create_policy(PolicyName=f"p{number}", PolicyDocument=allowing("s3:*"))["Policy"]["Arn"]
        for number in range(21)
    ]
    for arn in arns[:-1]:
        ask("attach_{}_policy", PolicyArn=arn)
    assert refusal(ask, operation="attach_{}_policy", PolicyArn=arns[-1])[0] == "LimitExceeded"


def test_inline_policies(ask: Ask, noun: str) -> None:
    ask("put_{}_policy", PolicyName="b", PolicyDocument=allowing("s3:*"))
    ask("put_{}_policy", PolicyName="a", PolicyDocument=allowing("sqs:*"))
    assert ask("list_{}_policies") == {"PolicyNames": ["a", "b"], "IsTruncated": False}
    found = ask("get_{}_policy", PolicyName="b")
    assert (found[f"{noun.capitalize()}Name"], unquote(found["PolicyDocument"])) == ("x", allowing("s3:*"))
    ask("delete_{}_policy", PolicyName="b")
    assert refusal(ask, operation="get_{}_policy", PolicyName="b")[0] == "NoSuchEntity"
    long = allowing(*(f"s3:Get{number:05d}" for number in range(900)))
    assert refusal(ask, operation="put_{}_policy", PolicyName="long", PolicyDocument=long)[0] == "LimitExceeded"
    broken = {"operation": "put_{}_policy", "PolicyName": "c", "PolicyDocument": "{"}
    assert refusal(ask, **broken)[0] == "MalformedPolicyDocument"


def test_entities_are_listed_by_kind_path_and_use(iam: Client, noun: str) -> None:
    iam.attach_user_policy(UserName="x", PolicyArn=FULL)
    iam.attach_role_policy(RoleName="x", PolicyArn=FULL)
    iam.put_role_permissions_boundary(RoleName="x", PermissionsBoundary=FULL)

    def names(**members: Any) -> list[str]:
        told = iam.list_entities_for_policy(PolicyArn=FULL, **members)
        every = (*told["PolicyGroups"], *told["PolicyRoles"], *told["PolicyUsers"])
        return [next(iter(each.values())) for each in every]

    assert names() == ["SagewrightExecutionRole", "x", "x"]
    assert names(EntityFilter="User") == ["x"]
    assert names(PathPrefix="/service-role/") == ["SagewrightExecutionRole"]
    assert names(PolicyUsageFilter="PermissionsBoundary") == ["x"]
    first = iam.list_entities_for_policy(PolicyArn=FULL, MaxItems=2)
    rest = iam.list_entities_for_policy(PolicyArn=FULL, MaxItems=2, Marker=first["Marker"])
    assert (len(first["PolicyRoles"]), len(rest["PolicyUsers"]), rest["IsTruncated"]) == (2, 1, False)


def test_a_policy_that_goes_at_the_same_moment_is_not_attached(
    world: World, iam: Client, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = iam.create_policy(PolicyName="p", PolicyDocument=allowing("s3:*"))["Policy"]["Arn"]
    store, write = world.services.store, world.services.store.write

    def first_deleted(writes: Sequence[Write]) -> Sequence[Record]:
        monkeypatch.undo()
        iam.delete_policy(PolicyArn=arn)
        return write(writes)

    monkeypatch.setattr(store, "write", first_deleted)
    assert refusal(ask, operation="attach_{}_policy", PolicyArn=arn)[0] == "NoSuchEntity"
    assert ask("list_attached_{}_policies")["AttachedPolicies"] == []
