"""Scheduled actions. `controllers/scheduled_action.py` carries them out."""

from __future__ import annotations

from dataclasses import replace

from sagewright.base.errors import AlreadyExists, AwsError, StaleRecord, validation_error
from sagewright.dataplane.events.schedules import InvalidSchedule, parse, zone
from sagewright.operations.applicationautoscaling.common import (
    check_identity,
    key_of,
    listed,
    missing,
    scaling_arn,
    target_of,
)
from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations
from sagewright.resources.record import Record
from sagewright.resources.scaling import ACTION
from sagewright.store.base import attempts

operations = Operations()


@operations
def put_scheduled_action(call: Call, request: Params) -> Params:
    """Write an action down, or put what is given over what was there."""
    name = request["ScheduledActionName"]
    key = key_of(call, ACTION, request, name)
    for _ in attempts():
        target = target_of(call, request)
        earlier = call.store.get(key)
        spec = {**(earlier.spec if earlier else {}), **request}
        _check(spec)
        try:
            if earlier is None:
                arn = scaling_arn(call, request, "scheduledAction", "scheduledActionName", name)
                uid = call.services.ids.token()
                record = Record(key, uid, call.now, call.now, spec, {"ScheduledActionARN": arn})
                call.store.write([("update", target), ("create", record)])
            else:
                call.store.update(replace(earlier, spec=spec, modified=call.now))
            return {}
        except (AlreadyExists, StaleRecord):
            continue
    raise AwsError("ConcurrentUpdateException", "The scheduled action kept changing. Try again.")


def _check(spec: Params) -> None:
    if "Schedule" not in spec or not spec.get("ScalableTargetAction"):
        raise validation_error("Schedule and ScalableTargetAction must be given to create a scheduled action.")
    try:
        parse(spec["Schedule"], zone(spec.get("Timezone")), once=True)
    except InvalidSchedule as error:
        raise validation_error(f"Invalid schedule: {error}") from None
    bounds = spec["ScalableTargetAction"]
    if bounds.get("MinCapacity", 0) < 0 or bounds.get("MinCapacity", 0) > bounds.get("MaxCapacity", float("inf")):
        raise validation_error("MinCapacity must not be below 0 or above MaxCapacity.")
    if spec.get("StartTime", 0) >= spec.get("EndTime", float("inf")):
        raise validation_error("StartTime must be before EndTime.")


@operations
def describe_scheduled_actions(call: Call, request: Params) -> Params:
    records, more = listed(call, ACTION, request, request.get("ScheduledActionNames"))
    actions = [{**record.spec, **record.status, "CreationTime": record.created} for record in records]
    return {"ScheduledActions": actions, **more}


@operations
def delete_scheduled_action(call: Call, request: Params) -> Params:
    check_identity(request)
    for _ in attempts():
        record = call.store.get(key_of(call, ACTION, request, request["ScheduledActionName"]))
        if record is None:
            raise missing(f"scheduled action found with name {request['ScheduledActionName']}", request)
        try:
            call.store.delete(record)
            return {}
        except StaleRecord:
            continue
    raise AwsError("ConcurrentUpdateException", "The scheduled action kept changing. Try again.")
