"""IAM's and STS's condition keys, and the ARNs of IAM's resources.

Keys: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sagewright.operations.access.request import Request, Source, Sources, Values
from sagewright.operations.call import Call, Params
from sagewright.operations.iam.records import ACCESS_KEY, GROUP, INSTANCE_PROFILE, POLICY, ROLE, USER, key
from sagewright.resources.record import Record

_KINDS: Final = {"role": ROLE, "user": USER, "group": GROUP, "policy": POLICY, "instance-profile": INSTANCE_PROFILE}


def with_path(call: Call, params: Params, arn: str) -> str:
    """An ARN with the path of what it names: that of the record, or for a new one that of the request."""
    head, _, resource = arn.partition(f":{call.account}:")
    kind, slash, name = resource.partition("/")
    if kind not in _KINDS or not slash or "/" in name:
        return arn
    if call.operation == "GetAccessKeyLastUsed":
        return _owner_of_key(call, params) or arn
    if name == "*" and kind == "user" and call.principal.kind == "user":
        return call.principal.arn  # who names nobody means himself
    if call.operation.startswith("Create") and params.get("Path"):
        return f"{head}:{call.account}:{kind}{params['Path']}{name}"
    record = call.store.get(key(call.account, _KINDS[kind], name))
    return arn if record is None else str(record.status["Arn"])


def _owner_of_key(call: Call, params: Params) -> str | None:
    record = call.store.get(key(call.account, ACCESS_KEY, params.get("AccessKeyId", "")))
    user = None if record is None else call.store.get(key(call.account, USER, record.spec["UserName"]))
    return None if user is None else str(user.status["Arn"])


def renamed(call: Call, params: Params, arn: str) -> Sequence[str]:
    """What a user or group is to be called from now on: who renames it, or moves it to another path, must be allowed
    to on both."""
    head, _, resource = arn.partition(f":{call.account}:")
    kind, _, path = resource.partition("/")
    folder, _, name = f"/{path}".rpartition("/")
    new_path = params.get("NewPath", f"{folder}/")
    new_name = params.get("NewUserName") or params.get("NewGroupName") or name
    new = f"{head}:{call.account}:{kind}{new_path}{new_name}"
    return () if new == arn else (new,)


def _boundary(request: Request, _: str) -> Values:
    """The boundary that a request sets, or that whom it is about has."""
    given = request.params.get("PermissionsBoundary")
    if given is not None:
        return [given]
    record = _entity(request)
    bound = None if record is None else record.spec.get("PermissionsBoundary")
    return None if bound is None else [bound]


def _entity(request: Request) -> Record | None:
    kind, _, path = request.resource.rpartition(":")[2].partition("/")
    if kind not in ("role", "user"):
        return None
    return request.call.store.get(key(request.call.account, _KINDS[kind], path.rpartition("/")[2]))


def _member(name: str) -> Source:
    return lambda request, _: [str(request.params[name])] if name in request.params else None


def _list(name: str) -> Source:
    return lambda request, _: [*request.params[name]] if name in request.params else None


IAM: Final[Sources] = {
    "iam:policyarn": _member("PolicyArn"),
    "iam:awsservicename": _member("AWSServiceName"),
    "iam:permissionsboundary": _boundary,
}
STS: Final[Sources] = {
    "sts:externalid": _member("ExternalId"),
    "sts:rolesessionname": _member("RoleSessionName"),
    "sts:sourceidentity": _member("SourceIdentity"),
    "sts:durationseconds": _member("DurationSeconds"),
    "sts:transitivetagkeys": _list("TransitiveTagKeys"),
}
