"""Managed policies and their versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AlreadyExists, AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.iam import attachments, managed
from sagewright.operations.iam.documents import check_identity_policy, encoded, size
from sagewright.operations.iam.entities import tags_view
from sagewright.operations.iam.managed import ManagedPolicy
from sagewright.operations.iam.paging import page
from sagewright.operations.iam.records import (
    POLICY,
    all_of,
    conflict,
    creation,
    deletion,
    exists,
    key,
    limit_exceeded,
    no_such_entity,
    tag_list,
    tags_of,
    together,
    unique_id,
)
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record
from sagewright.store.base import Write

operations = Operations()

VERSIONS: Final = 5
"""How many versions a policy has at most."""
SIZE: Final = 6_144
"""How long a document may be, blanks not counted."""


# What the account's own policies are.


@operations
def create_policy(call: Call, request: Params) -> Params:
    name, path = request["PolicyName"], request.get("Path", "/")
    _check(request["PolicyDocument"])
    first = {"VersionId": "v1", "Document": request["PolicyDocument"], "CreateDate": call.now}
    spec = {"Path": path, "Versions": [first], "Default": "v1", "Made": 1}
    if request.get("Description"):
        spec["Description"] = request["Description"]
    record = Record(
        key(call.account, POLICY, name),
        uid=call.services.ids.uuid(),
        created=call.now,
        modified=call.now,
        spec=spec,
        status={"Arn": str(Arn("aws", "iam", "", call.account, f"policy{path}{name}")), "PolicyId": unique_id("ANPA")},
        tags=tags_of(request),
    )
    try:
        record = call.store.write(creation(record))[0]
    except AlreadyExists:
        raise exists(f"A policy called {name} already exists. Duplicate names are not allowed.") from None
    return {"Policy": {**_view(managed.of(record), 0, 0), **tags_view(record)}}


@operations
def get_policy(call: Call, request: Params) -> Params:
    policy = _policy(call, request)
    attached, bounding = attachments.counts(call)
    answer = {**_view(policy, attached.get(policy.arn, 0), bounding.get(policy.arn, 0)), "Tags": tag_list(policy.tags)}
    if policy.description:
        answer["Description"] = policy.description
    return {"Policy": answer}


@operations
def list_policies(call: Call, request: Params) -> Params:
    scope, prefix = request.get("Scope", "All"), request.get("PathPrefix", "/")
    attached, bounding = attachments.counts(call)
    policies = [] if scope == "Local" else [*managed.aws_managed().values()]
    if scope != "AWS":
        policies += [managed.of(record) for record in all_of(call.store, call.account, POLICY)]
    wanted = [policy for policy in policies if policy.path.startswith(prefix)]
    uses = {
        "PermissionsPolicy": attached.keys(),
        "PermissionsBoundary": bounding.keys(),
    }.get(request.get("PolicyUsageFilter", ""), attached.keys() | bounding.keys())
    if request.get("OnlyAttached") or "PolicyUsageFilter" in request:
        wanted = [policy for policy in wanted if policy.arn in uses]
    wanted.sort(key=lambda policy: policy.arn)
    shown, more = page(wanted, request, "Policies", lambda policy: policy.arn)
    return {
        "Policies": [_view(policy, attached.get(policy.arn, 0), bounding.get(policy.arn, 0)) for policy in shown],
        **more,
    }


@operations
def delete_policy(call: Call, request: Params) -> Params:
    def writes() -> list[Write]:
        policy = _own(call, request)
        if attachments.in_use(call, policy.arn):
            raise conflict("Cannot delete a policy attached to entities.")
        if len(policy.versions) > 1:
            raise conflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. The default version is deleted with the policy."
            )
        assert policy.record is not None
        return deletion(call.store, policy.record)

    together(call.store, writes)
    return {}


# Versions.


@operations
def create_policy_version(call: Call, request: Params) -> Params:
    _check(request["PolicyDocument"])

    def added(record: Record) -> Record:
        if len(record.spec["Versions"]) >= VERSIONS:
            raise limit_exceeded(
                f"A managed policy can have up to {VERSIONS} versions. Before you create a new version, you must "
                "delete an existing version."
            )
        number = record.spec["Made"] + 1
        new = {"VersionId": f"v{number}", "Document": request["PolicyDocument"], "CreateDate": call.now}
        spec = {**record.spec, "Versions": [*record.spec["Versions"], new], "Made": number}
        if request.get("SetAsDefault"):
            spec["Default"] = new["VersionId"]
        return replace(record, spec=spec)

    policy = managed.of(_change(call, request, added))
    newest = policy.versions[-1]
    default = newest.id == policy.default
    return {"PolicyVersion": {"VersionId": newest.id, "IsDefaultVersion": default, "CreateDate": newest.created}}


@operations
def get_policy_version(call: Call, request: Params) -> Params:
    policy = _policy(call, request)
    version = policy.version(request["VersionId"])
    if version is None:
        raise _no_such_version(request)
    return {"PolicyVersion": {"Document": encoded(version.document), **_version_view(policy, version)}}


@operations
def list_policy_versions(call: Call, request: Params) -> Params:
    policy = _policy(call, request)
    # Newest first, also on the pages that follow.
    shown, more = page([*reversed(policy.versions)], request, "Versions", _age)
    return {"Versions": [_version_view(policy, version) for version in shown], **more}


@operations
def delete_policy_version(call: Call, request: Params) -> Params:
    identity = request["VersionId"]

    def without(record: Record) -> Record:
        _check_version(record, request)
        if record.spec["Default"] == identity:
            raise conflict("Cannot delete the default version of a policy.")
        kept = [version for version in record.spec["Versions"] if version["VersionId"] != identity]
        return replace(record, spec={**record.spec, "Versions": kept})

    _change(call, request, without)
    return {}


@operations
def set_default_policy_version(call: Call, request: Params) -> Params:
    def with_default(record: Record) -> Record:
        _check_version(record, request)
        return replace(record, spec={**record.spec, "Default": request["VersionId"]})

    _change(call, request, with_default)
    return {}


def detail(policy: ManagedPolicy, attached: Mapping[str, int], bounding: Mapping[str, int]) -> Params:
    """A policy with all its versions and their documents."""
    versions = [
        {"Document": encoded(version.document), **_version_view(policy, version)}
        for version in reversed(policy.versions)
    ]
    counted = _view(policy, attached.get(policy.arn, 0), bounding.get(policy.arn, 0))
    described = {"Description": policy.description} if policy.description else {}
    return {**counted, **described, "PolicyVersionList": versions}


def _check(document: str) -> None:
    check_identity_policy(document)
    if size(document) > SIZE:
        raise limit_exceeded(f"Cannot exceed quota for PolicySize: {SIZE}")


def _no_such_version(request: Params) -> AwsError:
    return no_such_entity(
        f"Policy {request['PolicyArn']} version {request['VersionId']} does not exist or is not attachable."
    )


def _check_version(record: Record, request: Params) -> None:
    if managed.of(record).version(request["VersionId"]) is None:
        raise _no_such_version(request)


def _policy(call: Call, request: Params) -> ManagedPolicy:
    policy = managed.find(call.store, call.account, request["PolicyArn"])
    if policy is None:
        raise no_such_entity(f"Policy {request['PolicyArn']} was not found.")
    return policy


def _own(call: Call, request: Params) -> ManagedPolicy:
    """A policy that may be changed: AWS's own may not."""
    policy = _policy(call, request)
    if policy.record is None:
        raise AwsError("AccessDenied", f"{policy.arn} is managed by AWS and cannot be changed.", status=403)
    return policy


def _change(call: Call, request: Params, change: Callable[[Record], Record]) -> Record:
    policy = _own(call, request)
    record = call.store.amend(
        key(call.account, POLICY, policy.name), lambda known: replace(change(known), modified=call.now)
    )
    if record is None:
        raise no_such_entity(f"Policy {policy.arn} was not found.")
    return record


def _age(version: managed.Version) -> str:
    """Sorts versions by age, the newest first."""
    return f"{10**9 - int(version.id[1:]):010d}"


def _view(policy: ManagedPolicy, attached: int, bounding: int) -> dict[str, Any]:
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default,
        "AttachmentCount": attached,
        "PermissionsBoundaryUsageCount": bounding,
        "IsAttachable": True,
        "CreateDate": policy.created,
        "UpdateDate": policy.updated,
    }


def _version_view(policy: ManagedPolicy, version: managed.Version) -> dict[str, Any]:
    return {
        "VersionId": version.id,
        "IsDefaultVersion": version.id == policy.default,
        "CreateDate": version.created,
    }
