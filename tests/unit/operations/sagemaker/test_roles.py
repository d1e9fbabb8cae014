"""Which roles SageMaker takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call
from sagewright.operations.sagemaker.roles import check_role
from sagewright.testing.policies import trusting
from sagewright.testing.world import World

ACCOUNT = "123456789012"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World.make(tmp_path)
    yield world
    world.close()


def role(world: World, trust: str) -> str:
    made: dict[str, Any] = world.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]
    return str(made["Arn"])


def refused(world: World, arn: str, **source: str) -> str:
    """The sentence of the refusal; '' where there is none."""
    call = Call(
        "sagemaker", "CreateModel", world.principal, ACCOUNT, "us-east-1", "id", {}, "http://here", world.services
    )
    try:
        check_role(call, arn, **source)
    except AwsError as error:
        return f"{error.code}: {error.message}"
    return ""


def test_a_role_that_trusts_sagemaker(world: World) -> None:
    assert refused(world, role(world, trusting(Service="sagemaker.amazonaws.com"))) == ""
    assert refused(world, f"arn:aws:iam::{ACCOUNT}:role/service-role/SagewrightExecutionRole") == ""


@pytest.mark.parametrize("trust", [trusting(Service="ec2.amazonaws.com"), trusting(AWS=ACCOUNT)])
def test_a_role_that_does_not(world: World, trust: str) -> None:
    arn = role(world, trust)
    words = (
        f"ValidationException: Could not assume role {arn}. Please ensure that the role exists and allows principal "
    )
    assert refused(world, arn).startswith(words)
    assert refused(world, arn + "x").startswith("ValidationException: Could not assume role")


def test_a_role_that_asks_what_for(world: World) -> None:
    trust = json.loads(trusting(Service="sagemaker.amazonaws.com"))
    trust["Statement"][0]["Condition"] = {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:sagemaker:*:{ACCOUNT}:*"},
    }
    arn = role(world, json.dumps(trust))
    assert refused(world, arn) == ""
    assert refused(world, arn, source="arn:aws:sagemaker:us-east-1:210987654321:training-job/a")
