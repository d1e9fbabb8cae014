"""IAM roles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from sagewright.base.clock import Clock
from sagewright.base.errors import AlreadyExists, AwsError
from sagewright.base.ids import Ids
from sagewright.operations.call import Call, Params
from sagewright.operations.iam.boundaries import check_boundary
from sagewright.operations.iam.documents import check_trust_policy, encoded, size
from sagewright.operations.iam.entities import (
    ROLE as ENTITY,
)
from sagewright.operations.iam.entities import (
    SERVICE_PATH,
    boundary_view,
    modifiable,
    profiles_with,
    tags_view,
)
from sagewright.operations.iam.paging import page
from sagewright.operations.iam.records import (
    ROLE,
    all_of,
    conflict,
    created,
    creation,
    deletion,
    key,
    limit_exceeded,
    together,
    unique_id,
)
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record
from sagewright.store.base import Store, Write

operations = Operations()

DEFAULT_ROLE: Final = "SagewrightExecutionRole"
DEFAULT_PATH: Final = "/service-role/"
_DEFAULT_POLICIES: Final = ("AmazonSageMakerFullAccess", "AmazonS3FullAccess")
_DEFAULT_INLINE: Final = {
    # None of AWS's own policies for execution roles has these actions; its guide has users add them.
    "MlflowTracking": '{"Version":"2012-10-17","Statement":'
    '[{"Effect":"Allow","Action":"sagemaker-mlflow:*","Resource":"*"}]}'
}
"""By name alone: all of AWS's policies are not read where a server starts."""
HOUR: Final = 3600
TRUST_SIZE: Final = 4_096
"""How long a trust policy may be, blanks not counted: the most that AWS grants."""


@operations
def create_role(call: Call, request: Params) -> Params:
    _check_trust(request["AssumeRolePolicyDocument"])
    if request.get("Path", "/").startswith(SERVICE_PATH):
        raise AwsError("ValidationError", f"Roles under {SERVICE_PATH} are made by CreateServiceLinkedRole.")
    if "PermissionsBoundary" in request:
        check_boundary(call, request["PermissionsBoundary"])
    duration = request.get("MaxSessionDuration", HOUR)
    role = ENTITY.new(call, {**request, "MaxSessionDuration": duration})
    return {"Role": view(created(call.store, role, "Role"))}


@operations
def get_role(call: Call, request: Params) -> Params:
    role = ENTITY.find(call, request["RoleName"])
    return {"Role": {**view(role), "RoleLastUsed": last_used(call, role)}}


@operations
def list_roles(call: Call, request: Params) -> Params:
    prefix = request.get("PathPrefix", "/")
    roles = [role for role in all_of(call.store, call.account, ROLE) if role.spec["Path"].startswith(prefix)]
    shown, more = page(roles, request, "Roles", lambda role: role.name)
    return {"Roles": [summary(role) for role in shown], **more}


@operations
def delete_role(call: Call, request: Params) -> Params:
    def writes() -> list[Write]:
        role = modifiable(ENTITY.find(call, request["RoleName"]))
        if next(profiles_with(call, role.name), None) is not None:
            raise conflict("Cannot delete entity, must remove roles from instance profile first.")
        if role.spec["Attached"]:
            raise conflict("Cannot delete entity, must detach all policies first.")
        if role.spec["Inline"]:
            raise conflict("Cannot delete entity, must delete policies first.")
        return deletion(call.store, role)

    together(call.store, writes)
    return {}


@operations
def update_role(call: Call, request: Params) -> Params:
    _change(call, request, "Description", "MaxSessionDuration")
    return {}


@operations
def update_role_description(call: Call, request: Params) -> Params:
    return {"Role": view(_change(call, request, "Description"))}


@operations
def update_assume_role_policy(call: Call, request: Params) -> Params:
    document = request["PolicyDocument"]
    _check_trust(document)

    def trusting(role: Record) -> Record:
        return replace(role, spec={**role.spec, "AssumeRolePolicyDocument": document})

    ENTITY.change(call, request["RoleName"], trusting)
    return {}


def default_role_arn(account: str) -> str:
    return str(Arn("aws", "iam", "", account, f"role{DEFAULT_PATH}{DEFAULT_ROLE}"))


def ensure_default_role(store: Store, *, account: str, clock: Clock, ids: Ids) -> bool:
    """Make the role that jobs have where a user has none of their own; True if it was not there.

    One that an earlier version made and nobody changed becomes what it would be today; one that a user changed stays
    as it is.
    """
    place, today = key(account, ROLE, DEFAULT_ROLE), _default_spec(account)
    if store.get(place) is not None:
        store.amend(place, lambda role: replace(role, spec=today) if _is_of_earlier_version(role) else None)
        return False
    now = float(int(clock.now()))
    role = Record(
        place,
        uid=ids.uuid(),
        created=now,
        modified=now,
        spec=today,
        status={"Arn": default_role_arn(account), "RoleId": unique_id("AROA")},
    )
    try:
        store.write(creation(role))
    except AlreadyExists:
        return False
    return True


def _default_spec(
    account: str,
    *,
    renewing: bool = True,
    policies: Sequence[str] = _DEFAULT_POLICIES,
    inline: Mapping[str, str] = _DEFAULT_INLINE,
) -> Mapping[str, Any]:
    """The default role's spec. `renewing` sessions may take on the role again, as the clients of one machine do all
    day."""
    statements: list[Mapping[str, Any]] = [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ]
    if renewing:
        itself = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
        statements.append({"Effect": "Allow", "Principal": {"AWS": default_role_arn(account)}, "Action": itself})
    return {
        "RoleName": DEFAULT_ROLE,
        "Path": DEFAULT_PATH,
        "Description": "The execution role that Sagewright made at its first start.",
        "AssumeRolePolicyDocument": orjson.dumps({"Version": "2012-10-17", "Statement": statements}).decode(),
        "MaxSessionDuration": 12 * HOUR,
        "Attached": [f"arn:aws:iam::aws:policy/{name}" for name in policies],
        "Inline": dict(inline),
    }


def _is_of_earlier_version(role: Record) -> bool:
    """Whether a default role is as an earlier version of Sagewright made it."""
    account = role.key.account
    earlier = (
        _default_spec(account, renewing=False, inline={}),
        # When a shell's session was like any other of this role.
        _default_spec(account, policies=("AdministratorAccess", *_DEFAULT_POLICIES), inline={}),
        # When there were no tracking servers.
        _default_spec(account, inline={}),
    )
    return not role.tags and role.spec in earlier


def summary(role: Record) -> Params:
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


def view(role: Record) -> Params:
    """What GetRole shows, but for the last use."""
    return {**summary(role), **tags_view(role), **boundary_view(role)}


def last_used(call: Call, role: Record) -> Params:
    """`RoleLastUsed`: empty for a role that nobody used."""
    used = call.services.credentials.last_used.of(role)
    return {"LastUsedDate": used["Date"], "Region": used["Region"]} if used else {}


def _check_trust(document: str) -> None:
    check_trust_policy(document)
    if size(document) > TRUST_SIZE:
        raise limit_exceeded(f"Cannot exceed quota for ACLSizePerRole: {TRUST_SIZE}")


def _change(call: Call, request: Params, *members: str) -> Record:
    """The role with some members of its spec as the request has them, if it has them.

    The description of a service's role may be changed, and nothing else of it.
    """
    given = {member: request[member] for member in members if member in request}

    def changed(role: Record) -> Record:
        if given.keys() - {"Description"}:
            modifiable(role)
        return replace(role, spec={**role.spec, **given}, modified=call.now)

    role = call.store.amend(key(call.account, ROLE, request["RoleName"]), changed)
    if role is None:
        raise ENTITY.missing(request["RoleName"])
    return role
