"""IAM roles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import orjson

from sagewright.base.clock import Clock
from sagewright.base.errors import AlreadyExists
from sagewright.base.ids import Ids
from sagewright.operations.call import Call, Params
from sagewright.operations.iam import managed
from sagewright.operations.iam.documents import check_trust_policy, encoded
from sagewright.operations.iam.paging import page
from sagewright.operations.iam.records import (
    ROLE,
    all_of,
    conflict,
    exists,
    key,
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
from sagewright.store.base import Store

operations = Operations()

DEFAULT_ROLE: Final = "SagewrightExecutionRole"
DEFAULT_PATH: Final = "/service-role/"
_DEFAULT_POLICIES: Final = ("AmazonSageMakerFullAccess", "AmazonS3FullAccess")
_HOUR: Final = 3600


@operations
def create_role(call: Call, request: Params) -> Params:
    check_trust_policy(request["AssumeRolePolicyDocument"])
    if "PermissionsBoundary" in request:
        _check_boundary(call, request["PermissionsBoundary"])
    spec = {member: value for member, value in request.items() if member != "Tags"}
    role = _new(call.account, spec, tags_of(request), clock=call.services.clock, ids=call.services.ids)
    try:
        role = call.store.create(role)
    except AlreadyExists:
        raise exists(f"Role with name {role.name} already exists.") from None
    return {"Role": _view(role)}


@operations
def get_role(call: Call, request: Params) -> Params:
    return {"Role": {**_view(role_named(call, request["RoleName"])), "RoleLastUsed": {}}}


@operations
def list_roles(call: Call, request: Params) -> Params:
    prefix = request.get("PathPrefix", "/")
    roles = [role for role in all_of(call.store, call.account, ROLE) if role.spec["Path"].startswith(prefix)]
    shown, more = page(roles, request, "Roles", lambda role: role.name)
    return {"Roles": [_summary(role) for role in shown], **more}


@operations
def delete_role(call: Call, request: Params) -> Params:
    role = role_named(call, request["RoleName"])
    if role.spec["Attached"]:
        raise conflict("Cannot delete entity, must detach all policies first.")
    if role.spec["Inline"]:
        raise conflict("Cannot delete entity, must delete policies first.")
    call.store.delete(role)
    return {}


@operations
def update_role(call: Call, request: Params) -> Params:
    _change(call, request, lambda role: _with(role, "Description", "MaxSessionDuration", request=request))
    return {}


@operations
def update_role_description(call: Call, request: Params) -> Params:
    return {"Role": _view(_change(call, request, lambda role: _with(role, "Description", request=request)))}


@operations
def update_assume_role_policy(call: Call, request: Params) -> Params:
    document = request["PolicyDocument"]
    check_trust_policy(document)
    _change(call, request, lambda role: _with(role, AssumeRolePolicyDocument=document))
    return {}


@operations
def put_role_permissions_boundary(call: Call, request: Params) -> Params:
    boundary = request["PermissionsBoundary"]
    _check_boundary(call, boundary)
    _change(call, request, lambda role: _with(role, PermissionsBoundary=boundary))
    return {}


@operations
def delete_role_permissions_boundary(call: Call, request: Params) -> Params:
    def without(role: Record) -> Record:
        spec = {member: value for member, value in role.spec.items() if member != "PermissionsBoundary"}
        return replace(role, spec=spec)

    if "PermissionsBoundary" not in role_named(call, request["RoleName"]).spec:
        raise no_such_entity(f"The role with name {request['RoleName']} does not have a permissions boundary.")
    _change(call, request, without)
    return {}


@operations
def tag_role(call: Call, request: Params) -> Params:
    _change(call, request, lambda role: replace(role, tags=tags_of(request, role.tags)))
    return {}


@operations
def untag_role(call: Call, request: Params) -> Params:
    _change(call, request, lambda role: without_tags(request, role))
    return {}


@operations
def list_role_tags(call: Call, request: Params) -> Params:
    tags = tag_list(role_named(call, request["RoleName"]).tags)
    shown, more = page(tags, request, "Tags", lambda tag: tag["Key"])
    return {"Tags": shown, **more}


@operations
def list_instance_profiles_for_role(call: Call, request: Params) -> Params:
    """Instance profiles are EC2's: there are none."""
    role_named(call, request["RoleName"])
    return {"InstanceProfiles": [], "IsTruncated": False}


def ensure_default_role(store: Store, *, account: str, clock: Clock, ids: Ids) -> bool:
    """Make the role that jobs have where a user has none of their own; True if it was not there.

    A role that the user changed stays as it is.
    """
    if store.get(key(account, ROLE, DEFAULT_ROLE)) is not None:
        return False
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    by_name = {policy.name: arn for arn, policy in managed.aws_managed().items()}
    spec = {
        "RoleName": DEFAULT_ROLE,
        "Path": DEFAULT_PATH,
        "Description": "The execution role that Sagewright made at its first start.",
        "AssumeRolePolicyDocument": orjson.dumps(trust).decode(),
        "MaxSessionDuration": 12 * _HOUR,
        "Attached": [by_name[name] for name in _DEFAULT_POLICIES],
    }
    try:
        store.create(_new(account, spec, {}, clock=clock, ids=ids))
    except AlreadyExists:
        return False
    return True


def _new(account: str, spec: Mapping[str, Any], tags: Mapping[str, str], *, clock: Clock, ids: Ids) -> Record:
    name, path, now = spec["RoleName"], spec.get("Path", "/"), float(int(clock.now()))  # IAM counts whole seconds
    return Record(
        key(account, ROLE, name),
        uid=ids.uuid(),
        created=now,
        modified=now,
        spec={"Path": path, "MaxSessionDuration": _HOUR, "Attached": [], "Inline": {}, **spec},
        status={"Arn": str(Arn("aws", "iam", "", account, f"role{path}{name}")), "RoleId": unique_id("AROA")},
        tags=tags,
    )


def _change(call: Call, request: Params, change: Callable[[Record], Record]) -> Record:
    name = request["RoleName"]
    role = call.store.amend(key(call.account, ROLE, name), lambda known: replace(change(known), modified=call.now))
    if role is None:
        raise no_such_role(name)
    return role


def _with(role: Record, *copied: str, request: Params | None = None, **members: Any) -> Record:
    """A role with some members of its spec replaced: those given, and those `copied` from the request if there."""
    taken = {member: request[member] for member in copied if request is not None and member in request}
    return replace(role, spec={**role.spec, **taken, **members})


def _check_boundary(call: Call, arn: str) -> None:
    if managed.find(call.store, call.account, arn) is None:
        raise no_such_entity(f"Scope ARN: {arn} does not exist or is not attachable.")


def _summary(role: Record) -> Params:
    """What ListRoles shows: no tags, no boundary."""
    view = {
        "Path": role.spec["Path"],
        "RoleName": role.name,
        "RoleId": role.status["RoleId"],
        "Arn": role.status["Arn"],
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": encoded(role.spec["AssumeRolePolicyDocument"]),
        "MaxSessionDuration": role.spec["MaxSessionDuration"],
    }
    if role.spec.get("Description"):
        view["Description"] = role.spec["Description"]
    return view


def _view(role: Record) -> Params:
    view = _summary(role)
    if role.tags:
        view["Tags"] = tag_list(role.tags)
    if "PermissionsBoundary" in role.spec:
        # Not the enum value of the model: this is what AWS sends.
        view["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": role.spec["PermissionsBoundary"],
        }
    return view
