"""IAM policies: managed ones and their versions, what is attached to roles, and what roles hold inline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AlreadyExists, AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.iam import managed
from sagewright.operations.iam.documents import check_identity_policy, encoded
from sagewright.operations.iam.managed import ManagedPolicy
from sagewright.operations.iam.paging import page
from sagewright.operations.iam.records import (
    POLICY,
    ROLE,
    all_of,
    conflict,
    exists,
    key,
    limit_exceeded,
    no_such_entity,
    no_such_role,
    role_named,
    tag_list,
    tags_of,
    unique_id,
    without_tags,
)
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record

operations = Operations()

_VERSIONS: Final = 5
"""How many versions a policy has at most."""


# What the account's own policies are.


@operations
def create_policy(call: Call, request: Params) -> Params:
    name, path = request["PolicyName"], request.get("Path", "/")
    check_identity_policy(request["PolicyDocument"])
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
        record = call.store.create(record)
    except AlreadyExists:
        raise exists(f"A policy called {name} already exists. Duplicate names are not allowed.") from None
    return {"Policy": _view(managed.of(record), 0)}


@operations
def get_policy(call: Call, request: Params) -> Params:
    policy = _policy(call, request)
    view = _view(policy, len(_attached_to(call, policy.arn)))
    return {"Policy": {**view, "Description": policy.description, "Tags": tag_list(policy.tags)}}


@operations
def list_policies(call: Call, request: Params) -> Params:
    scope, prefix = request.get("Scope", "All"), request.get("PathPrefix", "/")
    uses: dict[str, int] = {}
    for role in all_of(call.store, call.account, ROLE):
        for arn in role.spec["Attached"]:
            uses[arn] = uses.get(arn, 0) + 1
    policies = [] if scope == "Local" else [*managed.aws_managed().values()]
    if scope != "AWS":
        policies += [managed.of(record) for record in all_of(call.store, call.account, POLICY)]
    wanted = [policy for policy in policies if policy.path.startswith(prefix)]
    if request.get("OnlyAttached"):
        wanted = [policy for policy in wanted if policy.arn in uses]
    if request.get("PolicyUsageFilter") == "PermissionsBoundary":
        wanted = []
    wanted.sort(key=lambda policy: policy.arn)
    shown, more = page(wanted, request, "Policies", lambda policy: policy.arn)
    return {"Policies": [_view(policy, uses.get(policy.arn, 0)) for policy in shown], **more}


@operations
def delete_policy(call: Call, request: Params) -> Params:
    policy = _own(call, request)
    if _attached_to(call, policy.arn):
        raise conflict("Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's "
            "versions. The default version is deleted with the policy."
        )
    assert policy.record is not None
    call.store.delete(policy.record)
    return {}


@operations
def tag_policy(call: Call, request: Params) -> Params:
    _change(call, request, lambda record: replace(record, tags=tags_of(request, record.tags)))
    return {}


@operations
def untag_policy(call: Call, request: Params) -> Params:
    _change(call, request, lambda record: without_tags(request, record))
    return {}


@operations
def list_policy_tags(call: Call, request: Params) -> Params:
    shown, more = page(tag_list(_policy(call, request).tags), request, "Tags", lambda tag: tag["Key"])
    return {"Tags": shown, **more}


# Versions.


@operations
def create_policy_version(call: Call, request: Params) -> Params:
    check_identity_policy(request["PolicyDocument"])

    def added(record: Record) -> Record:
        if len(record.spec["Versions"]) >= _VERSIONS:
            raise limit_exceeded(
                f"A managed policy can have up to {_VERSIONS} versions. Before you create a new version, you must "
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
    versions = sorted(policy.versions, key=lambda version: version.id)
    shown, more = page(versions, request, "Versions", lambda version: version.id)
    return {"Versions": [_version_view(policy, version) for version in reversed(shown)], **more}


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


# What is attached to roles.


@operations
def attach_role_policy(call: Call, request: Params) -> Params:
    arn = request["PolicyArn"]
    if managed.find(call.store, call.account, arn) is None:
        raise no_such_entity(f"Policy {arn} does not exist or is not attachable.")

    def attached(role: Record) -> Record | None:
        known = role.spec["Attached"]
        return None if arn in known else replace(role, spec={**role.spec, "Attached": [*known, arn]})

    _change_role(call, request, attached)
    return {}


@operations
def detach_role_policy(call: Call, request: Params) -> Params:
    arn = request["PolicyArn"]

    def detached(role: Record) -> Record:
        if arn not in role.spec["Attached"]:
            raise no_such_entity(f"Policy {arn} was not found.")
        return replace(role, spec={**role.spec, "Attached": [each for each in role.spec["Attached"] if each != arn]})

    _change_role(call, request, detached)
    return {}


@operations
def list_attached_role_policies(call: Call, request: Params) -> Params:
    role, prefix = role_named(call, request["RoleName"]), request.get("PathPrefix", "/")
    found = [managed.find(call.store, call.account, arn) for arn in role.spec["Attached"]]
    policies = [policy for policy in found if policy is not None and policy.path.startswith(prefix)]
    policies.sort(key=lambda policy: policy.arn)
    shown, more = page(policies, request, "AttachedPolicies", lambda policy: policy.arn)
    listed = [{"PolicyName": policy.name, "PolicyArn": policy.arn} for policy in shown]
    return {"AttachedPolicies": listed, **more}


@operations
def list_entities_for_policy(call: Call, request: Params) -> Params:
    policy = _policy(call, request)
    wanted = request.get("EntityFilter", "Role") == "Role" and request.get("PolicyUsageFilter") != "PermissionsBoundary"
    prefix = request.get("PathPrefix", "/")
    roles = [role for role in _attached_to(call, policy.arn) if wanted and role.spec["Path"].startswith(prefix)]
    shown, more = page(roles, request, "PolicyRoles", lambda role: role.name)
    listed = [{"RoleName": role.name, "RoleId": role.status["RoleId"]} for role in shown]
    return {"PolicyGroups": [], "PolicyUsers": [], "PolicyRoles": listed, **more}


# What roles hold inline.


@operations
def put_role_policy(call: Call, request: Params) -> Params:
    name, document = request["PolicyName"], request["PolicyDocument"]
    check_identity_policy(document)
    _change_role(call, request, lambda role: _with_inline(role, {**role.spec["Inline"], name: document}))
    return {}


@operations
def get_role_policy(call: Call, request: Params) -> Params:
    role, name = role_named(call, request["RoleName"]), request["PolicyName"]
    if name not in role.spec["Inline"]:
        raise _no_such_inline(name)
    document = encoded(role.spec["Inline"][name])
    return {"RoleName": role.name, "PolicyName": name, "PolicyDocument": document}


@operations
def list_role_policies(call: Call, request: Params) -> Params:
    names = sorted(role_named(call, request["RoleName"]).spec["Inline"])
    shown, more = page(names, request, "PolicyNames", str)
    return {"PolicyNames": shown, **more}


@operations
def delete_role_policy(call: Call, request: Params) -> Params:
    name = request["PolicyName"]

    def without(role: Record) -> Record:
        if name not in role.spec["Inline"]:
            raise _no_such_inline(name)
        return _with_inline(role, {each: text for each, text in role.spec["Inline"].items() if each != name})

    _change_role(call, request, without)
    return {}


def _with_inline(role: Record, documents: Mapping[str, str]) -> Record:
    return replace(role, spec={**role.spec, "Inline": documents})


def _no_such_inline(name: str) -> AwsError:
    return no_such_entity(f"The role policy with name {name} cannot be found.")


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


def _change_role(call: Call, request: Params, change: Callable[[Record], Record | None]) -> None:
    def dated(known: Record) -> Record | None:
        changed = change(known)
        return None if changed is None else replace(changed, modified=call.now)

    if call.store.amend(key(call.account, ROLE, request["RoleName"]), dated) is None:
        raise no_such_role(request["RoleName"])


def _attached_to(call: Call, arn: str) -> list[Record]:
    return [role for role in all_of(call.store, call.account, ROLE) if arn in role.spec["Attached"]]


def _view(policy: ManagedPolicy, uses: int) -> dict[str, Any]:
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default,
        "AttachmentCount": uses,
        "PermissionsBoundaryUsageCount": 0,
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
