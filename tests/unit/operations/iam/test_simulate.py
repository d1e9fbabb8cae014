"""The simulator: users and groups, policies of resources, who asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagewright.testing.world import Client, World

KEY = "arn:aws:s3:::box/ann/k"


@pytest.fixture
def iam(tmp_path: Path) -> Iterator[Client]:
    world = World.make(tmp_path)
    yield world.client("iam")
    world.close()


def document(**members: Any) -> str:
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*", **members}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def decision(iam: Client, arn: str, **members: Any) -> str:
    asked = {"ActionNames": ["s3:GetObject"], "ResourceArns": [KEY], **members}
    return str(iam.simulate_principal_policy(PolicySourceArn=arn, **asked)["EvaluationResults"][0]["EvalDecision"])


def test_a_user_has_his_own_policies_and_those_of_his_groups(iam: Client) -> None:
    arn = iam.create_user(UserName="ann")["User"]["Arn"]
    assert decision(iam, arn) == "implicitDeny"
    group = iam.create_group(GroupName="readers")["Group"]["Arn"]
    own = document(Resource="arn:aws:s3:::box/${aws:username}/*")
    iam.put_group_policy(GroupName="readers", PolicyName="own", PolicyDocument=own)
    iam.add_user_to_group(GroupName="readers", UserName="ann")
    assert decision(iam, arn) == "allowed"
    assert decision(iam, arn, ResourceArns=["arn:aws:s3:::box/bob/k"]) == "implicitDeny"
    assert decision(iam, group) == "implicitDeny"  # a group has no name of a user


def test_a_resources_policy_is_joined(iam: Client) -> None:
    arn = iam.create_user(UserName="ann")["User"]["Arn"]
    assert decision(iam, arn, ResourcePolicy=document(Principal={"AWS": arn})) == "allowed"
    assert decision(iam, arn, ResourcePolicy=document(Principal={"AWS": arn + "2"})) == "implicitDeny"
    denied = document(Principal="*", Effect="Deny")
    assert decision(iam, arn, ResourcePolicy=denied, PolicyInputList=[document()]) == "explicitDeny"
    other = document(Principal={"AWS": "arn:aws:iam::123456789012:user/bob"})
    assert decision(iam, arn, ResourcePolicy=other, CallerArn="arn:aws:iam::123456789012:user/bob") == "allowed"


def test_the_statement_that_decided_is_named(iam: Client) -> None:
    arn = iam.create_user(UserName="ann")["User"]["Arn"]
    both = [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:Get*", "Resource": KEY},
    ]
    text = json.dumps({"Version": "2012-10-17", "Statement": both}, indent=1)
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=text)
    asked = {"PolicySourceArn": arn, "ActionNames": ["s3:GetObject"], "ResourceArns": [KEY]}
    result = iam.simulate_principal_policy(**asked)["EvaluationResults"][0]
    assert result["EvalDecision"] == "explicitDeny"
    (matched,) = result["MatchedStatements"]
    assert (matched["SourcePolicyId"], matched["SourcePolicyType"]) == ("user_ann_own", "user")
    first, last = matched["StartPosition"]["Line"], matched["EndPosition"]["Line"]
    assert json.loads("\n".join(text.split("\n")[first - 1 : last])) == both[1]
