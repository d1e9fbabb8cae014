"""IAM groups, and who is in them. A membership is the group's name in the user's `Groups`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sagewright.base.errors import AlreadyExists
from sagewright.operations.call import Call, Params
from sagewright.operations.iam import users
from sagewright.operations.iam.entities import GROUP, USER
from sagewright.operations.iam.paging import page
from sagewright.operations.iam.records import (
    all_of,
    conflict,
    created,
    deletion,
    exists,
    limit_exceeded,
    renaming,
    together,
    touch,
)
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record
from sagewright.store.base import Write

operations = Operations()

PER_USER: Final = 10
"""How many groups a user may be in."""


@operations
def create_group(call: Call, request: Params) -> Params:
    return {"Group": view(created(call.store, GROUP.new(call, request), "Group"))}


@operations
def get_group(call: Call, request: Params) -> Params:
    group = GROUP.find(call, request["GroupName"])
    shown, more = page([*_members(call, group.name)], request, "Users", lambda user: user.name)
    return {"Group": view(group), "Users": [users.summary(user) for user in shown], **more}


@operations
def list_groups(call: Call, request: Params) -> Params:
    prefix = request.get("PathPrefix", "/")
    groups = [group for group in all_of(call.store, call.account, GROUP.kind) if group.spec["Path"].startswith(prefix)]
    shown, more = page(groups, request, "Groups", lambda group: group.name)
    return {"Groups": [view(group) for group in shown], **more}


@operations
def list_groups_for_user(call: Call, request: Params) -> Params:
    names = sorted(USER.find(call, request["UserName"]).spec["Groups"])
    shown, more = page(names, request, "Groups", str)
    return {"Groups": [view(GROUP.find(call, name)) for name in shown], **more}


@operations
def update_group(call: Call, request: Params) -> Params:
    """Another name or path. The members stay."""
    name: str = request["NewGroupName"] if "NewGroupName" in request else request["GroupName"]

    def writes() -> list[Write]:
        group = GROUP.find(call, request["GroupName"])
        path = request.get("NewPath", group.spec["Path"])
        arn = str(Arn("aws", "iam", "", call.account, f"group{path}{name}"))
        moved = replace(
            group,
            spec={**group.spec, "GroupName": name, "Path": path},
            status={**group.status, "Arn": arn},
            modified=call.now,
        )
        if name == group.name:
            return [("update", moved)]
        members: list[Write] = [
            ("update", _in_groups(user, [name if each == group.name else each for each in user.spec["Groups"]]))
            for user in _members(call, group.name)
        ]
        return [*renaming(call.store, moved, name), *members]

    try:
        together(call.store, writes)
    except AlreadyExists:
        raise exists(f"Group with name {name} already exists.") from None
    return {}


@operations
def delete_group(call: Call, request: Params) -> Params:
    def writes() -> list[Write]:
        group = GROUP.find(call, request["GroupName"])
        if next(_members(call, group.name), None) is not None:
            raise conflict("Cannot delete entity, must remove users from group first.")
        if group.spec["Attached"]:
            raise conflict("Cannot delete entity, must detach all policies first.")
        if group.spec["Inline"]:
            raise conflict("Cannot delete entity, must delete policies first.")
        return deletion(call.store, group)

    together(call.store, writes)
    return {}


@operations
def add_user_to_group(call: Call, request: Params) -> Params:
    def writes() -> list[Write]:
        group, user = GROUP.find(call, request["GroupName"]), USER.find(call, request["UserName"])
        known = user.spec["Groups"]
        if group.name in known:
            return []
        if len(known) >= PER_USER:
            raise limit_exceeded(f"Cannot exceed quota for GroupsPerUser: {PER_USER}")
        # The group is written too, so that a deletion at the same moment fails.
        return [("update", _in_groups(user, [*known, group.name])), touch(group)]

    together(call.store, writes)
    return {}


@operations
def remove_user_from_group(call: Call, request: Params) -> Params:
    name = request["GroupName"]
    GROUP.find(call, name)

    def removed(user: Record) -> Record | None:
        known = user.spec["Groups"]
        return _in_groups(user, [each for each in known if each != name]) if name in known else None

    USER.change(call, request["UserName"], removed)
    return {}


def view(group: Record) -> Params:
    """As every answer shows a group."""
    return {
        "Path": group.spec["Path"],
        "GroupName": group.name,
        "GroupId": group.status["GroupId"],
        "Arn": group.status["Arn"],
        "CreateDate": group.created,
    }


def _members(call: Call, name: str) -> Iterator[Record]:
    return (user for user in all_of(call.store, call.account, USER.kind) if name in user.spec["Groups"])


def _in_groups(user: Record, names: list[str]) -> Record:
    return replace(user, spec={**user.spec, "Groups": names})
