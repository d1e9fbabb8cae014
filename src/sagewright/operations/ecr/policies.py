"""Policies of repositories and of the registry. What they allow is decided in `operations.access`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.operations.access.patterns import as_list
from sagewright.operations.call import Call, Params
from sagewright.operations.ecr.common import missing, named, repository_of
from sagewright.operations.ecr.refusals import answering, invalid
from sagewright.operations.ecr.registry import changed, setting
from sagewright.operations.iam import documents
from sagewright.operations.table import Operations
from sagewright.resources.record import Record

operations = Operations()

_LARGEST: Final = 10_240
_REPOSITORY: Final = "Repository policy"
_NOT_THERE: Final = "RepositoryPolicyNotFoundException"


@operations
@answering
def set_repository_policy(call: Call, request: Params) -> Params:
    repository, text = repository_of(call, request), request["policyText"]
    _check(text, "Invalid repository policy provided", resources=False)
    locks_out = not request.get("force") and _denies_everybody(text)
    if locks_out:
        raise invalid(
            "PolicyText", "the policy denies everybody to set another one (ecr:SetRepositoryPolicy); force it to be set"
        )
    call.services.images.configure(repository, lambda record: replace(record, spec={**record.spec, "Policy": text}))
    return {**named(call, request), "policyText": text}


@operations
@answering
def get_repository_policy(call: Call, request: Params) -> Params:
    record = call.services.images.repository(repository_of(call, request))
    if "Policy" not in record.spec:
        raise missing(call, _REPOSITORY, _NOT_THERE, request)
    return {**named(call, request), "policyText": record.spec["Policy"]}


@operations
@answering
def delete_repository_policy(call: Call, request: Params) -> Params:
    gone: list[str] = []

    def change(record: Record) -> Record:
        if "Policy" not in record.spec:
            raise missing(call, _REPOSITORY, _NOT_THERE, request)
        gone.append(record.spec["Policy"])
        return replace(record, spec={member: value for member, value in record.spec.items() if member != "Policy"})

    call.services.images.configure(repository_of(call, request), change)
    return {**named(call, request), "policyText": gone[-1]}


# The registry's.


@operations
def put_registry_policy(call: Call, request: Params) -> Params:
    text = request["policyText"]
    _check(text, "Invalid registry policy provided", resources=True)
    changed(call, {"Policy": text})
    return {"registryId": call.account, "policyText": text}


@operations
def get_registry_policy(call: Call, _request: Params) -> Params:
    text = setting(call, "Policy")
    if text is None:
        raise _no_registry_policy(call)
    return {"registryId": call.account, "policyText": text}


@operations
def delete_registry_policy(call: Call, _request: Params) -> Params:
    text = setting(call, "Policy")
    if text is None:
        raise _no_registry_policy(call)
    changed(call, {"Policy": None})
    return {"registryId": call.account, "policyText": text}


def _no_registry_policy(call: Call) -> AwsError:
    return AwsError(
        "RegistryPolicyNotFoundException", f"Registry policy does not exist in the registry with id '{call.account}'"
    )


# Documents.


def _check(text: str, why: str, *, resources: bool) -> None:
    """Raises AwsError for what is no policy of a repository (which names no resources) or of the registry."""
    if len(text.encode()) > _LARGEST:
        raise invalid("PolicyText", f"the policy is longer than {_LARGEST} bytes")
    try:
        for statement in documents.statements(text):
            documents.check_whom(statement)
            _check_statement(statement, resources=resources)
    except AwsError as error:
        raise invalid("PolicyText", f"{why}: {error.message}") from None


def _check_statement(statement: Mapping[str, Any], *, resources: bool) -> None:
    has_resources = "Resource" in statement or "NotResource" in statement
    if has_resources and not resources:
        raise documents.malformed("a repository's policy is about the repository and names no Resource")
    if resources and not has_resources:
        raise documents.malformed("a registry's policy must name its Resource")
    for action in as_list(statement.get("Action", statement.get("NotAction"))):
        if not action.lower().startswith(("ecr:", "*")):
            raise documents.malformed(f"{action[:100]} is no action of ECR")


def _denies_everybody(text: str) -> bool:
    """Whether nobody could set another policy, but the account itself."""
    return any(
        statement["Effect"] == "Deny"
        and statement.get("Principal") in ("*", {"AWS": "*"})
        and "Condition" not in statement
        and {"*", "ecr:*", "ecr:setrepositorypolicy"}
        & {action.lower() for action in as_list(statement.get("Action", ()))}
        for statement in documents.statements(text)
    )
