"""Ten kinds of callers and every operation of every service: the gate's answer, and what the caller's policies say in
words. The rules here are written from those words; they do not ask the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.model import Shape

from sagewright.operations.access.actions import entry
from sagewright.operations.access.needs import FREE
from sagewright.operations.call import Principal
from sagewright.testing.examples import minimal
from sagewright.wire import model

from .conftest import ACCOUNT, Realm, document

FAMILY = frozenset(name for name, row in model.SERVICES.items() if row.signing_name == "sagemaker")
PASSED_ROLE = f"arn:aws:iam::{ACCOUNT}:role/passed"


@dataclass(frozen=True)
class Asked:
    """One operation, with the smallest request that the model allows."""

    service: str
    operation: str
    params: dict[str, Any]
    actions: frozenset[str]
    """All that it needs, by AWS's names."""
    types: frozenset[str] = field(default=frozenset())
    """For SageMaker: the resource types of what it is about; empty for `*`."""
    named: bool = False
    """Whether the request tells all that it is about, by name."""


def naming(name: str) -> Callable[..., Any]:
    """Requests in which every name is the same one, and every role the same role."""

    def given(path: tuple[str | int, ...], shape: Shape, _whole: bool = False) -> Any:
        member = next((str(step) for step in reversed(path) if isinstance(step, str)), "")
        if shape.type_name != "string" or shape.metadata.get("enum"):
            return None
        if member.endswith(("RoleArn", "Role", "RoleARN", "ExecutionRoleArn")):
            return PASSED_ROLE
        if member.lower().endswith("arn"):
            return f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model/{name}"
        return name if member.endswith(("Name", "Identifier", "Id", "Bucket", "Key")) else None

    return given


def asked(name: str) -> Iterator[Asked]:
    for service in model.SERVICES:
        for operation in model.service(service).operation_names:
            if (service, operation) in FREE:
                continue
            params = minimal(model.service(service).operation_model(operation), naming(name))
            row = entry(service, operation)
            arns = [
                arn for template in row.resources for arn in template.arns(params, region="us-east-1", account=ACCOUNT)
            ]
            roles = [role for path in row.passed for role in path.values(params)]
            actions = {row.action, *({"iam:PassRole"} if roles else ())}
            if operation in ("CopyObject", "UploadPartCopy", "RenameObject"):
                actions.add("s3:GetObject")
            if operation == "GetObjectAttributes":
                actions.add("s3:GetObject")
            types = frozenset(arn.split(":", 5)[5].split("/")[0] for arn in arns if service in FAMILY)
            named = bool(arns) and all(f"/{name}" in arn for arn in arns)
            yield Asked(service, operation, params, frozenset(actions), types, named)


@cache
def all_asked(name: str) -> tuple[Asked, ...]:
    return tuple(asked(name))


def starts(question: Asked, *beginnings: str) -> bool:
    return all(action.startswith(beginnings) for action in question.actions)


def touches(question: Asked, *beginnings: str) -> bool:
    return any(action.startswith(beginnings) for action in question.actions)


# AmazonSageMakerFullAccess, as its documentation tells: all of SageMaker but the administration of Studio, training
# plans and partner apps; of those, what one needs to work in Studio. Roles may be passed to SageMaker.

ADMINISTERED = {"app", "domain", "partner-app", "reserved-capacity", "space", "training-plan", "user-profile"}
IN_STUDIO = {
    "CreateApp", "CreatePresignedDomainUrl", "CreateSpace", "DeleteApp", "DeleteSpace", "DescribeApp", "DescribeDomain",
    "DescribeSpace", "DescribeTrainingPlan", "DescribeUserProfile", "UpdateSpace",
}  # fmt: skip


def full_access(question: Asked) -> bool:
    return not question.types & ADMINISTERED or question.operation in IN_STUDIO


READS = ("Describe", "List", "Get", "Head", "BatchGet", "BatchDescribe", "Query", "Search")


def reads(question: Asked) -> bool:
    return all(action.partition(":")[2].startswith(READS) for action in question.actions)


@dataclass(frozen=True)
class Role:
    make: Callable[[Realm], Principal]
    may: Callable[[Asked], bool]
    of: frozenset[str] = frozenset(model.SERVICES)
    """The services that are asked."""
    name: str = "team-a"


PREFIXES = sorted({entry(service, "Any").action.partition(":")[0] for service in model.SERVICES} | {"s3-object-lambda"})
TEAM = {"Action": "sagemaker:*", "Resource": f"arn:aws:sagemaker:*:{ACCOUNT}:*/team-*"}
ROLES: dict[str, Role] = {
    "admin": Role(lambda realm: realm.role("r", attached=("AdministratorAccess",)), lambda _: True),
    "full access to sagemaker": Role(
        lambda realm: realm.role("r", attached=("AmazonSageMakerFullAccess",)), full_access, of=FAMILY
    ),
    "reads only": Role(
        lambda realm: realm.role("r", {"Action": [f"{prefix}:{verb}*" for prefix in PREFIXES for verb in READS]}), reads
    ),
    "denied some": Role(
        lambda realm: realm.role(
            "r",
            {"Action": "*"},
            {"Effect": "Deny", "Action": ["*:Delete*", "iam:*", "s3:Put*", "SAGEMAKER:create?odel"]},
        ),
        lambda question: (
            not (
                any(action.partition(":")[2].startswith("Delete") for action in question.actions)
                or touches(question, "iam:", "s3:Put")
                or "sagemaker:CreateModel" in question.actions
            )
        ),
    ),
    "scoped by tags": Role(
        # Nothing exists here, so nothing has the tag; test_gate.py asks about what exists.
        lambda realm: realm.role(
            "r", {"Action": "sagemaker:*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "a"}}}
        ),
        lambda _: False,
    ),
    "scoped by names": Role(
        lambda realm: realm.role("r", TEAM),
        lambda question: question.named and starts(question, "sagemaker:"),
        of=FAMILY,
    ),
    "scoped by names, of others": Role(lambda realm: realm.role("r", TEAM), lambda _: False, name="other"),
    "within a boundary": Role(
        lambda realm: realm.role("r", {"Action": "*"}, boundary=document({"Action": ["s3:*", "iam:PassRole"]})),
        lambda question: starts(question, "s3:", "iam:PassRole"),
    ),
    "within a session's policy": Role(
        lambda realm: realm.role("r", {"Action": "*"}, session=document({"Action": "sagemaker:*"})),
        lambda question: starts(question, "sagemaker:"),
    ),
    "all but": Role(
        lambda realm: realm.role("r", {"NotAction": ["iam:*", "sts:*", "ec2:Delete*"]}),
        lambda question: not touches(question, "iam:", "sts:", "ec2:Delete"),
    ),
    "nobody": Role(lambda realm: realm.role("r"), lambda _: False),
}


@pytest.mark.parametrize("kind", ROLES)
def test_every_operation_is_decided_as_the_role_is_described(tmp_path: Path, kind: str) -> None:
    role = ROLES[kind]
    realm = Realm.make(tmp_path)
    principal = role.make(realm)
    # Roles say for themselves who may take them on: nobody is trusted by a role that is not there.
    questions = [
        each for each in all_asked(role.name) if each.service in role.of and not touches(each, "sts:AssumeRole")
    ]
    wrong = []
    for question in questions:
        refused = realm.refusal(principal, question.service, question.operation, question.params)
        if (refused is None) != role.may(question):
            wrong.append(f"{question.service} {question.operation} {sorted(question.actions)}: {refused}")
        if refused is not None:
            assert 400 <= refused.status < 500
            assert principal.arn in refused.message
    realm.close()
    assert wrong == []
    assert len(questions) > 400
