"""Instance profiles: a name under which a machine is given a role."""

from __future__ import annotations

from dataclasses import replace

from sagewright.operations.call import Call, Params
from sagewright.operations.iam import roles
from sagewright.operations.iam.entities import ROLE, profiles_with, tags_view
from sagewright.operations.iam.paging import page
from sagewright.operations.iam.records import (
    INSTANCE_PROFILE,
    all_of,
    conflict,
    created,
    deletion,
    key,
    limit_exceeded,
    no_such_entity,
    tags_of,
    together,
    touch,
    unique_id,
)
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record
from sagewright.store.base import Write

operations = Operations()


@operations
def create_instance_profile(call: Call, request: Params) -> Params:
    name, path = request["InstanceProfileName"], request.get("Path", "/")
    profile = Record(
        key(call.account, INSTANCE_PROFILE, name),
        uid=call.services.ids.uuid(),
        created=float(int(call.now)),
        modified=call.now,
        spec={"Path": path, "Roles": []},
        status={
            "Arn": str(Arn("aws", "iam", "", call.account, f"instance-profile{path}{name}")),
            "InstanceProfileId": unique_id("AIPA"),
        },
        tags=tags_of(request),
    )
    return {"InstanceProfile": view(call, created(call.store, profile, "Instance Profile"))}


@operations
def get_instance_profile(call: Call, request: Params) -> Params:
    return {"InstanceProfile": view(call, _find(call, request))}


@operations
def list_instance_profiles(call: Call, request: Params) -> Params:
    prefix = request.get("PathPrefix", "/")
    every = all_of(call.store, call.account, INSTANCE_PROFILE)
    return _page(call, request, [profile for profile in every if profile.spec["Path"].startswith(prefix)])


@operations
def list_instance_profiles_for_role(call: Call, request: Params) -> Params:
    return _page(call, request, [*profiles_with(call, ROLE.find(call, request["RoleName"]).name)])


@operations
def delete_instance_profile(call: Call, request: Params) -> Params:
    def writes() -> list[Write]:
        profile = _find(call, request)
        if profile.spec["Roles"]:
            raise conflict("Cannot delete entity, must remove roles from instance profile first.")
        return deletion(call.store, profile)

    together(call.store, writes)
    return {}


@operations
def add_role_to_instance_profile(call: Call, request: Params) -> Params:
    def writes() -> list[Write]:
        profile, role = _find(call, request), ROLE.find(call, request["RoleName"])
        if profile.spec["Roles"]:
            raise limit_exceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
        # The role is written too, so that a deletion at the same moment fails.
        return [("update", _with(profile, [role.name])), touch(role)]

    together(call.store, writes)
    return {}


@operations
def remove_role_from_instance_profile(call: Call, request: Params) -> Params:
    def writes() -> list[Write]:
        profile, name = _find(call, request), request["RoleName"]
        if name not in profile.spec["Roles"]:
            raise no_such_entity(f"The role with name {name} cannot be found in instance profile {profile.name}.")
        return [("update", _with(profile, []))]

    together(call.store, writes)
    return {}


def view(call: Call, profile: Record) -> Params:
    """As every answer shows a profile, its tags included."""
    return {
        "Path": profile.spec["Path"],
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.status["InstanceProfileId"],
        "Arn": profile.status["Arn"],
        "CreateDate": profile.created,
        "Roles": [roles.summary(ROLE.find(call, name)) for name in profile.spec["Roles"]],
        **tags_view(profile),
    }


def _page(call: Call, request: Params, profiles: list[Record]) -> Params:
    shown, more = page(profiles, request, "InstanceProfiles", lambda profile: profile.name)
    return {"InstanceProfiles": [view(call, profile) for profile in shown], **more}


def _find(call: Call, request: Params) -> Record:
    name = request["InstanceProfileName"]
    profile = call.store.get(key(call.account, INSTANCE_PROFILE, name))
    if profile is None:
        raise no_such_entity(f"Instance Profile {name} cannot be found.")
    return profile


def _with(profile: Record, names: list[str]) -> Record:
    return replace(profile, spec={**profile.spec, "Roles": names})
