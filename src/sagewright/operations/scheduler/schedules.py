"""Schedules: create, change, find, remove."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AlreadyExists, AwsError, StaleRecord, validation_error
from sagewright.dataplane.events.schedules import InvalidSchedule, parse, zone
from sagewright.dataplane.events.targets import refusal
from sagewright.operations.call import Call, Params
from sagewright.operations.scheduler.groups import missing_group, page
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn
from sagewright.resources.record import Key, Record
from sagewright.resources.schedule import DEFAULT_GROUP, GROUP, KIND, schedule_arn
from sagewright.store.base import Query, Write, attempts

operations = Operations()


@operations
def create_schedule(call: Call, request: Params) -> Params:
    _check(call, request)
    key = _key(call, request)
    record = Record(
        key, call.services.ids.token(), call.now, call.now, _spec(call, request), state=request.get("State", "ENABLED")
    )
    for _ in attempts():
        try:
            call.store.write([("create", record), *_beside(call, key.parent)])
            return {"ScheduleArn": schedule_arn(key)}
        except StaleRecord:
            continue
        except AlreadyExists:
            earlier = call.store.get(key)
            token = request.get("ClientToken")
            if earlier is not None and token is not None and earlier.spec.get("ClientToken") == token:
                return {"ScheduleArn": schedule_arn(key)}
            raise AwsError("ConflictException", f"Schedule {key.name} already exists.", status=409) from None
    raise AwsError("ConflictException", f"Schedule group {key.parent} kept changing. Try again.", status=409)


def _beside(call: Call, group: str) -> list[Write]:
    """The group is written along, so that it is not deleted at the same moment."""
    if group == DEFAULT_GROUP:
        return []
    record = call.store.get(call.key(GROUP, group))
    if record is None:
        raise missing_group(group)
    return [("update", record)]


@operations
def update_schedule(call: Call, request: Params) -> Params:
    """What the request leaves out is as if it had never been said."""
    _check(call, request)
    key = _key(call, request)
    spec = _spec(call, request)

    def update(record: Record) -> Record:
        same = all(spec.get(member) == record.spec.get(member) for member in _TIMING)
        timing = {"since": record.spec["since"]} if same else {}
        return replace(record, spec={**spec, **timing}, state=request.get("State", "ENABLED"), modified=call.now)

    if call.store.amend(key, update) is None:
        raise _missing(key)
    return {"ScheduleArn": schedule_arn(key)}


_TIMING: Final = ("ScheduleExpression", "ScheduleExpressionTimezone", "StartDate")


@operations
def get_schedule(call: Call, request: Params) -> Params:
    key = _key(call, request)
    record = call.store.get(key)
    if record is None:
        raise _missing(key)
    return _view(record)


@operations
def list_schedules(call: Call, request: Params) -> Params:
    if "GroupName" in request:
        _beside(call, request["GroupName"])
    query = Query(
        call.account,
        call.region,
        KIND,
        parent=request.get("GroupName"),
        name_prefix=request.get("NamePrefix"),
        states=(request["State"],) if "State" in request else None,
    )
    found = page(call, query, request)
    members = ("Arn", "Name", "GroupName", "State", "CreationDate", "LastModificationDate")
    shown = []
    for record in found.records:
        view = _view(record)
        shown.append({**{m: view[m] for m in members}, "Target": {"Arn": view["Target"]["Arn"]}})
    return {"Schedules": shown, **({"NextToken": found.next} if found.next else {})}


@operations
def delete_schedule(call: Call, request: Params) -> Params:
    key = _key(call, request)
    for _ in attempts():
        record = call.store.get(key)
        if record is None:
            raise _missing(key)
        try:
            call.store.delete(record)
            return {}
        except StaleRecord:
            continue
    raise AwsError("ConflictException", f"Schedule {key.name} kept changing. Try again.", status=409)


def _spec(call: Call, request: Params) -> dict[str, Any]:
    kept = {member: value for member, value in request.items() if member not in ("Name", "GroupName", "State")}
    return {"ScheduleExpressionTimezone": "UTC", "ActionAfterCompletion": "NONE", **kept, "since": call.now}


def _check(call: Call, request: Params) -> None:
    try:
        parse(request["ScheduleExpression"], zone(request.get("ScheduleExpressionTimezone")), once=True)
    except InvalidSchedule as error:
        raise validation_error(f"Invalid Schedule Expression {request['ScheduleExpression']}. {error}") from None
    if request.get("StartDate", 0) >= request.get("EndDate", float("inf")):
        raise validation_error("The StartDate must come before the EndDate.")
    window = request["FlexibleTimeWindow"]
    if (window["Mode"] == "FLEXIBLE") != ("MaximumWindowInMinutes" in window):
        raise validation_error("A flexible time window has MaximumWindowInMinutes; without one, Mode is OFF.")
    _check_target(call, request["Target"])


def _check_target(call: Call, target: Mapping[str, Any]) -> None:
    reason = refusal(target, call.account)
    if reason is not None:
        raise validation_error(reason)
    service = Arn.parse(target["Arn"]).service
    if service == "logs":
        raise validation_error("A schedule cannot write to a log group. Use a rule of EventBridge with a schedule.")
    if (service == "events") != ("EventBridgeParameters" in target):
        raise validation_error("EventBridgeParameters must be given for an event bus as target, and only there.")


def _key(call: Call, request: Params) -> Key:
    return call.key(KIND, request["Name"], request.get("GroupName", DEFAULT_GROUP))


def _missing(key: Key) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Schedule {key.name} does not exist.", status=404)


def _view(record: Record) -> Params:
    return {
        **{member: value for member, value in record.spec.items() if member not in ("since", "ClientToken")},
        "Arn": schedule_arn(record.key),
        "Name": record.name,
        "GroupName": record.key.parent,
        "State": record.state,
        "CreationDate": record.created,
        "LastModificationDate": record.modified,
    }
