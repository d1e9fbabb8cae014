"""Policies of repositories and of the registry: kept, checked, and asked by the gate."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Principal
from sagewright.testing.world import Client, World

Code = Callable[..., str]
USER = "arn:aws:iam::123456789012:user/puller"


def document(*statements: dict[str, Any]) -> str:
    whole = [
        {"Effect": "Allow", "Principal": {"AWS": USER}, "Action": "ecr:BatchGetImage", **each} for each in statements
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": whole})


def may(world: World, action: str, repository: str = "app") -> bool:
    """Whether a user without policies of his own may."""
    call = Call(
        service="ecr",
        operation=action,
        principal=Principal("123456789012", USER, "AIDAPULLER", "user"),
        account="123456789012",
        region="us-east-1",
        request_id="1",
        headers={},
        host="http://127.0.0.1:4700",
        services=world.services,
    )
    try:
        asyncio.run(world.services.gate.authorize(call, {"repositoryName": repository}))
    except AwsError as error:
        return error.code != "AccessDeniedException"
    return True


def test_a_policy_is_kept_as_it_was_given(ecr: Client, code: Code) -> None:
    assert code(ecr.get_repository_policy, repositoryName="app") == "RepositoryPolicyNotFoundException"
    ecr.set_repository_policy(repositoryName="app", policyText=document({}))
    assert ecr.get_repository_policy(repositoryName="app")["policyText"] == document({})
    assert ecr.delete_repository_policy(repositoryName="app")["policyText"] == document({})
    assert code(ecr.delete_repository_policy, repositoryName="app") == "RepositoryPolicyNotFoundException"


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "{}",
        document({"Action": "s3:GetObject"}),
        document({"Resource": "*"}),
        document({"Principal": "nobody"}),
        document({"Effect": "Perhaps"}),
        document({"Effect": "Deny", "Principal": "*", "Action": "ecr:*"}),
        document({}) + " " * 11_000,
    ],
)
def test_what_is_no_policy_is_refused_and_leaves_none(ecr: Client, code: Code, text: str) -> None:
    assert code(ecr.set_repository_policy, repositoryName="app", policyText=text) == "InvalidParameterException"
    assert code(ecr.get_repository_policy, repositoryName="app") == "RepositoryPolicyNotFoundException"


def test_a_policy_that_locks_everybody_out_must_be_forced(ecr: Client) -> None:
    text = document({"Effect": "Deny", "Principal": "*", "Action": "ecr:*"})
    ecr.set_repository_policy(repositoryName="app", policyText=text, force=True)


def test_a_repository_s_policy_lets_in_whom_it_names(world: World, ecr: Client) -> None:
    ecr.create_repository(repositoryName="other")
    assert not may(world, "BatchGetImage")
    ecr.set_repository_policy(repositoryName="app", policyText=document({}))
    assert may(world, "BatchGetImage")
    assert not may(world, "PutImage")
    assert not may(world, "BatchGetImage", "other")
    ecr.delete_repository_policy(repositoryName="app")
    assert not may(world, "BatchGetImage")


def test_the_registry_s_policy_counts_for_all_it_names(world: World, ecr: Client, code: Code) -> None:
    assert code(ecr.get_registry_policy) == "RegistryPolicyNotFoundException"
    assert code(ecr.put_registry_policy, policyText=document({})) == "InvalidParameterException"
    text = document({"Resource": "arn:aws:ecr:us-east-1:123456789012:repository/a*"})
    ecr.put_registry_policy(policyText=text)
    assert may(world, "BatchGetImage")
    assert not may(world, "BatchGetImage", "other")
    elsewhere = replace(world, region="eu-west-1").client("ecr")
    assert code(elsewhere.get_registry_policy) == "RegistryPolicyNotFoundException"
    assert ecr.delete_registry_policy()["policyText"] == text
    assert not may(world, "BatchGetImage")
