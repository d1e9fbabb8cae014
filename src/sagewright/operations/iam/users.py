"""IAM users."""

from __future__ import annotations

from dataclasses import replace

from sagewright.base.errors import AlreadyExists
from sagewright.operations.call import Call, Params
from sagewright.operations.iam import access_keys, login_profiles
from sagewright.operations.iam.boundaries import check_boundary
from sagewright.operations.iam.entities import USER, boundary_view, caller_or_named, tags_view
from sagewright.operations.iam.paging import page
from sagewright.operations.iam.records import all_of, conflict, created, deletion, exists, renaming, together
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record
from sagewright.store.base import Write

operations = Operations()


@operations
def create_user(call: Call, request: Params) -> Params:
    if "PermissionsBoundary" in request:
        check_boundary(call, request["PermissionsBoundary"])
    return {"User": view(created(call.store, USER.new(call, request, Groups=[]), "User"))}


@operations
def get_user(call: Call, request: Params) -> Params:
    if "UserName" not in request and call.principal.kind == "root":
        return {"User": {"UserId": call.account, "Arn": call.principal.arn, "CreateDate": 0.0}}
    return {"User": view(USER.find(call, caller_or_named(call, request)))}


@operations
def list_users(call: Call, request: Params) -> Params:
    prefix = request.get("PathPrefix", "/")
    users = [user for user in all_of(call.store, call.account, USER.kind) if user.spec["Path"].startswith(prefix)]
    shown, more = page(users, request, "Users", lambda user: user.name)
    return {"Users": [summary(user) for user in shown], **more}


@operations
def update_user(call: Call, request: Params) -> Params:
    """Another name or path. The user's keys, password and memberships come along."""
    name: str = request["NewUserName"] if "NewUserName" in request else request["UserName"]

    def writes() -> list[Write]:
        user = USER.find(call, request["UserName"])
        path = request.get("NewPath", user.spec["Path"])
        arn = str(Arn("aws", "iam", "", call.account, f"user{path}{name}"))
        moved = replace(
            user,
            spec={**user.spec, "UserName": name, "Path": path},
            status={**user.status, "Arn": arn},
            modified=call.now,
        )
        if name == user.name:
            return [("update", moved)]
        return [
            *renaming(call.store, moved, name),
            *access_keys.renaming(call, user.name, name),
            *login_profiles.renaming(call, user.name, name),
        ]

    try:
        together(call.store, writes)
    except AlreadyExists:
        raise exists(f"User with name {name} already exists.") from None
    return {}


@operations
def delete_user(call: Call, request: Params) -> Params:
    def writes() -> list[Write]:
        user = USER.find(call, request["UserName"])
        if next(access_keys.of_user(call, user.name), None) is not None:
            raise conflict("Cannot delete entity, must delete access keys first.")
        if login_profiles.of_user(call, user.name) is not None:
            raise conflict("Cannot delete entity, must delete login profile first.")
        if user.spec["Groups"]:
            raise conflict("Cannot delete entity, must remove user from all groups first.")
        if user.spec["Attached"]:
            raise conflict("Cannot delete entity, must detach all policies first.")
        if user.spec["Inline"]:
            raise conflict("Cannot delete entity, must delete policies first.")
        return deletion(call.store, user)

    together(call.store, writes)
    return {}


def summary(user: Record) -> Params:
    """What ListUsers shows: no tags, no boundary."""
    return {
        "Path": user.spec["Path"],
        "UserName": user.name,
        "UserId": user.status["UserId"],
        "Arn": user.status["Arn"],
        "CreateDate": user.created,
    }


def view(user: Record) -> Params:
    """What GetUser shows."""
    return {**summary(user), **tags_view(user), **boundary_view(user)}
