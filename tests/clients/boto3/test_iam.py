"""Roles and policies, as scripts and Terraform ask for them."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

FULL = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def document(action: str, resource: str = "*", effect: str = "Allow") -> dict[str, Any]:
    statement = {"Effect": effect, "Action": action, "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.fixture
def iam() -> Any:
    return boto3.client("iam")


@pytest.fixture
def name(iam: Any, unique: Callable[[str], str]) -> str:
    """A new role's name."""
    name = unique("role")
    iam.create_role(RoleName=name, Path="/team/", AssumeRolePolicyDocument=json.dumps(TRUST))
    return name


def test_documents_come_back_as_they_were(iam: Any, name: str) -> None:
    assert iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == TRUST
    own = document("s3:*", "arn:aws:s3:::ü&<data>+ /*")
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(own))
    assert iam.get_role_policy(RoleName=name, PolicyName="own")["PolicyDocument"] == own
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["own"]


def test_the_waiters_of_boto3_end(iam: Any, name: str) -> None:
    iam.get_waiter("role_exists").wait(RoleName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 2})
    arn = iam.create_policy(PolicyName=f"{name}-p", PolicyDocument=json.dumps(document("s3:*")))["Policy"]["Arn"]
    iam.get_waiter("policy_exists").wait(PolicyArn=arn, WaiterConfig={"Delay": 1, "MaxAttempts": 2})


def test_the_life_of_a_policy(iam: Any, name: str) -> None:
    policy = iam.create_policy(
        PolicyName=f"{name}-p", Path="/team/", PolicyDocument=json.dumps(document("s3:*")), Description="mine"
    )["Policy"]
    arn = policy["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_policy(PolicyArn=arn)
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_role(RoleName=name)
    narrowed = document("s3:Get*")
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(narrowed), SetAsDefault=True)
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"] == narrowed
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    assert iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"][0]["RoleName"] == name
    iam.detach_role_policy(RoleName=name, PolicyArn=arn)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy(PolicyArn=arn)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_policy(PolicyArn=arn)


def test_listings_come_in_pages(iam: Any, name: str) -> None:
    pages = iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 5})
    arns = [policy["Arn"] for page in pages for policy in page["Policies"]]
    assert FULL in arns
    assert len(arns) == len(set(arns))
    pages = iam.get_paginator("list_roles").paginate(PathPrefix="/team/", PaginationConfig={"PageSize": 1})
    assert name in [role["RoleName"] for page in pages for role in page["Roles"]]


def test_roles_have_tags(iam: Any, name: str) -> None:
    iam.tag_role(RoleName=name, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    iam.untag_role(RoleName=name, TagKeys=["a"])
    assert iam.list_role_tags(RoleName=name)["Tags"] == [{"Key": "b", "Value": ""}]
    assert boto3.resource("iam").Role(name).tags == [{"Key": "b", "Value": ""}]


def test_what_a_role_may_do(iam: Any, name: str) -> None:
    iam.attach_role_policy(RoleName=name, PolicyArn=FULL)
    arn = iam.get_role(RoleName=name)["Role"]["Arn"]
    asked = ["sagemaker:CreateTrainingJob", "iam:CreateUser"]
    results = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=asked)["EvaluationResults"]
    assert {each["EvalActionName"]: each["EvalDecision"] for each in results} == {
        "sagemaker:CreateTrainingJob": "allowed",
        "iam:CreateUser": "implicitDeny",
    }


def test_what_a_policy_would_allow_that_nobody_has(iam: Any) -> None:
    text = json.dumps(document("s3:Get*"), indent=1)
    asked = {"PolicyInputList": [text], "ActionNames": ["s3:GetObject", "s3:PutObject", "sqs:SendMessage"]}
    pages = iam.get_paginator("simulate_custom_policy").paginate(**asked, PaginationConfig={"PageSize": 1})
    results = [each for page in pages for each in page["EvaluationResults"]]
    assert [each["EvalDecision"] for each in results] == ["allowed", "implicitDeny", "implicitDeny"]
    (matched,) = results[0]["MatchedStatements"]
    assert matched["SourcePolicyId"] == "PolicyInputList.1"
    first, last = matched["StartPosition"]["Line"], matched["EndPosition"]["Line"]
    decided = "\n".join(text.split("\n")[first - 1 : last])
    assert json.loads(decided) == json.loads(text)["Statement"][0]


@pytest.mark.parametrize("text", ["{", "[]", json.dumps(document("no-vendor")), json.dumps(document("s3:*"))])
def test_what_is_no_trust_policy(iam: Any, text: str) -> None:
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException):
        iam.create_role(RoleName="never", AssumeRolePolicyDocument=text)


def test_names_have_a_pattern(iam: Any) -> None:
    with pytest.raises(ClientError) as caught:
        iam.create_role(RoleName="a b", AssumeRolePolicyDocument=json.dumps(TRUST))
    assert caught.value.response["Error"]["Code"] == "ValidationError"
