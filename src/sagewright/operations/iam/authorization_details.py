"""Everything that says who may do what, in one listing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sagewright.operations.call import Call, Params
from sagewright.operations.iam import attachments, groups, instance_profiles, managed, policies, roles, users
from sagewright.operations.iam.documents import encoded
from sagewright.operations.iam.entities import ALL, boundary_view, profiles_with, tags_view
from sagewright.operations.iam.paging import page
from sagewright.operations.iam.records import GROUP, POLICY, ROLE, USER, all_of
from sagewright.operations.table import Operations
from sagewright.resources.record import Record

operations = Operations()


@operations
def get_account_authorization_details(call: Call, request: Params) -> Params:
    wanted = set(request.get("Filter") or [*_SHOWN, "LocalManagedPolicy", "AWSManagedPolicy"])
    found: list[tuple[str, Record | managed.ManagedPolicy]] = []
    for name, (_, kind, _view) in _SHOWN.items():
        if name in wanted:
            found += [(name, record) for record in all_of(call.store, call.account, kind)]
    if "LocalManagedPolicy" in wanted:
        found += [("Z", managed.of(record)) for record in all_of(call.store, call.account, POLICY)]
    if "AWSManagedPolicy" in wanted:
        # As on AWS, only those that somebody has.
        used = {arn for entity in ALL for each in all_of(call.store, call.account, entity.kind)
                for arn in (*each.spec["Attached"], each.spec.get("PermissionsBoundary"))}  # fmt: skip
        found += [("Z", policy) for arn, policy in managed.aws_managed().items() if arn in used]
    found.sort(key=_place)
    shown, more = page(found, request, "AuthorizationDetails", _place)
    answer: dict[str, Any] = {member: [] for member, _, _ in _SHOWN.values()} | {"Policies": []}
    counts = attachments.counts(call)
    for name, item in shown:
        if isinstance(item, managed.ManagedPolicy):
            answer["Policies"].append(policies.detail(item, *counts))
        else:
            member, _, view = _SHOWN[name]
            answer[member].append(view(call, item))
    return {**answer, **more}


def _place(found: tuple[str, Record | managed.ManagedPolicy]) -> str:
    name, item = found
    return f"{name}/{item.arn if isinstance(item, managed.ManagedPolicy) else item.name}"


def _user(call: Call, user: Record) -> Params:
    held = {"UserPolicyList": _inline(user), "GroupList": user.spec["Groups"]}
    return {**users.summary(user), **held, **_attached(call, user), **boundary_view(user), **tags_view(user)}


def _group(call: Call, group: Record) -> Params:
    return {**groups.view(group), "GroupPolicyList": _inline(group), **_attached(call, group)}


def _role(call: Call, role: Record) -> Params:
    shown = {
        name: value for name, value in roles.view(role).items() if name not in ("Description", "MaxSessionDuration")
    }
    profiles = [instance_profiles.view(call, profile) for profile in profiles_with(call, role.name)]
    held = {"RolePolicyList": _inline(role), "InstanceProfileList": profiles}
    return {**shown, **held, **_attached(call, role), "RoleLastUsed": roles.last_used(call, role)}


def _inline(record: Record) -> Sequence[Mapping[str, str]]:
    documents = record.spec["Inline"]
    return [{"PolicyName": name, "PolicyDocument": encoded(documents[name])} for name in sorted(documents)]


def _attached(call: Call, record: Record) -> Params:
    found = [managed.find(call.store, call.account, arn) for arn in record.spec["Attached"]]
    return {"AttachedManagedPolicies": [attachments.view(policy) for policy in found if policy is not None]}


_View = Callable[[Call, Record], Params]
_SHOWN: Final[Mapping[str, tuple[str, str, _View]]] = {
    # The filter's name: the answer's member, the kind of records, how each is shown.
    "User": ("UserDetailList", USER, _user),
    "Group": ("GroupDetailList", GROUP, _group),
    "Role": ("RoleDetailList", ROLE, _role),
}
