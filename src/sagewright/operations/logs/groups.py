"""Log groups: their life, retention and tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from sagewright.base.errors import AlreadyExists, AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.logs.common import (
    aws_words,
    group_arn,
    invalid,
    logs_of,
    name_in,
    read_token,
    token,
)
from sagewright.operations.table import Operations
from sagewright.telemetry.logs import GroupInfo, NoSuchGroup

operations = Operations()

_PAGE: Final = 50
_TAGS: Final = 50
_RETENTIONS: Final = frozenset(
    {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
)


@operations
def create_log_group(call: Call, request: Params) -> Params:
    try:
        logs_of(call).create_group(
            request["logGroupName"],
            kms_key=request.get("kmsKeyId"),
            log_class=request.get("logGroupClass", "STANDARD"),
            tags=request.get("tags"),
        )
    except AlreadyExists:
        raise AwsError("ResourceAlreadyExistsException", "The specified log group already exists") from None
    return {}


@operations
def delete_log_group(call: Call, request: Params) -> Params:
    with aws_words():
        logs_of(call).delete_group(request["logGroupName"])
    return {}


@operations
def describe_log_groups(call: Call, request: Params) -> Params:
    limit = request.get("limit", _PAGE)
    after = read_token(request["nextToken"], 1)[0] if "nextToken" in request else ""
    # One more than is shown says whether there is a next page.
    found = logs_of(call).groups(_wanted(request), after=after, limit=limit + 1)
    shown = found[:limit]
    answer: Params = {"logGroups": [_view(call, group) for group in shown]}
    if len(found) > limit:
        answer["nextToken"] = token(shown[-1].name)
    return answer


def _wanted(request: Params) -> Callable[[str], bool]:
    prefix, pattern = request.get("logGroupNamePrefix"), request.get("logGroupNamePattern")
    if prefix is not None and pattern is not None:
        raise invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
    if request.get("logGroupIdentifiers"):
        names = {name_in(identifier) for identifier in request["logGroupIdentifiers"]}
        return names.__contains__
    if pattern is not None:
        part = pattern.lower()
        return lambda name: part in name.lower()
    start = prefix or ""
    return lambda name: name.startswith(start)


def _view(call: Call, group: GroupInfo) -> Params:
    arn = group_arn(call, group.name)
    view: Params = {
        "logGroupName": group.name,
        "creationTime": group.created,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "storedBytes": _size(call, group.name),
        "logGroupClass": group.log_class,
    }
    if group.retention_days is not None:
        view["retentionInDays"] = group.retention_days
    if group.kms_key is not None:
        view["kmsKeyId"] = group.kms_key
    return view


def _size(call: Call, name: str) -> int:
    try:
        return logs_of(call).group_size(name)
    except (NoSuchGroup, FileNotFoundError):  # it was deleted just now
        return 0


@operations
def put_retention_policy(call: Call, request: Params) -> Params:
    days = request["retentionInDays"]
    if days not in _RETENTIONS:
        raise invalid(f"retentionInDays must be one of {sorted(_RETENTIONS)}, not {days}.")
    _change(call, request["logGroupName"], lambda group: replace(group, retention_days=days))
    return {}


@operations
def delete_retention_policy(call: Call, request: Params) -> Params:
    _change(call, request["logGroupName"], lambda group: replace(group, retention_days=None))
    return {}


# Tags, in the old spelling (by group name) and the new one (by ARN).


@operations
def tag_log_group(call: Call, request: Params) -> Params:
    _tag(call, request["logGroupName"], request["tags"])
    return {}


@operations
def untag_log_group(call: Call, request: Params) -> Params:
    _untag(call, request["logGroupName"], request["tags"])
    return {}


@operations
def list_tags_log_group(call: Call, request: Params) -> Params:
    with aws_words():
        return {"tags": dict(logs_of(call).group(request["logGroupName"]).tags)}


@operations
def tag_resource(call: Call, request: Params) -> Params:
    _tag(call, name_in(request["resourceArn"]), request["tags"])
    return {}


@operations
def untag_resource(call: Call, request: Params) -> Params:
    _untag(call, name_in(request["resourceArn"]), request["tagKeys"])
    return {}


@operations
def list_tags_for_resource(call: Call, request: Params) -> Params:
    with aws_words():
        return {"tags": dict(logs_of(call).group(name_in(request["resourceArn"])).tags)}


def _tag(call: Call, name: str, tags: Mapping[str, str]) -> None:
    def tagged(group: GroupInfo) -> GroupInfo:
        merged = {**group.tags, **tags}
        if len(merged) > _TAGS:
            raise AwsError("TooManyTagsException", f"A resource can have no more than {_TAGS} tags.")
        return replace(group, tags=merged)

    _change(call, name, tagged)


def _untag(call: Call, name: str, keys: list[str]) -> None:
    def without(group: GroupInfo) -> GroupInfo:
        return replace(group, tags={key: value for key, value in group.tags.items() if key not in keys})

    _change(call, name, without)


def _change(call: Call, name: str, change: Callable[[GroupInfo], GroupInfo]) -> None:
    with aws_words():
        logs_of(call).change_group(name, change)
