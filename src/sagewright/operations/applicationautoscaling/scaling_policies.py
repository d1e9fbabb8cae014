"""Scaling policies, with the alarms that belong to target tracking. `controllers/scalable_target.py` scales by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

from sagewright.base.errors import AlreadyExists, AwsError, StaleRecord, validation_error
from sagewright.dataplane.scaling.targets import alarm_deletions
from sagewright.operations.applicationautoscaling import policy_alarms
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
from sagewright.resources.alarm import ACTIONS, METRIC, alarm_arn
from sagewright.resources.record import Record
from sagewright.resources.scaling import IDENTITY, POLICY, STEPS, TRACKING
from sagewright.store.base import Query, Write, attempts

operations = Operations()
_CONFIGS: Final[Mapping[str, str]] = {
    "StepScaling": STEPS,
    "TargetTrackingScaling": TRACKING,
}

_COOLDOWNS: Final = ("Cooldown", "ScaleInCooldown", "ScaleOutCooldown")


@operations
def put_scaling_policy(call: Call, request: Params) -> Params:
    for _ in attempts():
        target = target_of(call, request)
        earlier = call.store.get(key_of(call, POLICY, request, request["PolicyName"]))
        kind = request.get("PolicyType") or (earlier.spec["PolicyType"] if earlier else None)
        told = _check(request, kind)
        try:
            return _put(call, request, target, earlier, told)
        except (AlreadyExists, StaleRecord):
            continue
    raise AwsError("ConcurrentUpdateException", "The scaling policy kept changing. Try again.")


def _put(call: Call, request: Params, target: Record, earlier: Record | None, told: dict[str, Any]) -> Params:
    """The target is written along, so that it is not deregistered at the same moment."""
    name, kind = request["PolicyName"], told["PolicyType"]
    arn = earlier.status["PolicyARN"] if earlier else scaling_arn(call, request, "scalingPolicy", "policyName", name)
    spec = {member: request[member] for member in (*IDENTITY, "PolicyName")} | told
    names = _alarm_names(call, request, earlier, told)
    writes: list[Write] = [("update", target)]
    if kind == "TargetTrackingScaling":
        writes += policy_alarms.writes(call, request, told[_CONFIGS[kind]], arn, names)
    alarms = policy_alarms.view(call, names)
    if earlier is not None:
        kept = {alarm["AlarmName"] for alarm in alarms}
        writes += [w for w in alarm_deletions(call.store, earlier) if w[1].name not in kept]
    status = {"PolicyARN": arn, "Alarms": alarms}
    if earlier is None:
        key = key_of(call, POLICY, request, name)
        uid = call.services.ids.token()
        writes.append(("create", Record(key, uid, call.now, call.now, spec, status)))
    else:
        writes.append(("update", replace(earlier, spec=spec, status=status, modified=call.now)))
    call.store.write(writes)
    return {"PolicyARN": arn, "Alarms": alarms}


def _alarm_names(call: Call, request: Params, earlier: Record | None, told: dict[str, Any]) -> Mapping[str, str]:
    """The alarms of a target tracking policy, by High and Low; a policy keeps those it has."""
    if told["PolicyType"] != "TargetTrackingScaling":
        return {}
    wanted = ("High",) if told[_CONFIGS["TargetTrackingScaling"]].get("DisableScaleIn") else ("High", "Low")
    known = [alarm["AlarmName"] for alarm in earlier.status.get("Alarms", ())] if earlier else []
    names = {}
    for which in wanted:
        own = [name for name in known if f"-Alarm{which}-" in name]
        names[which] = own[0] if own else (
            f"TargetTracking-{request['ResourceId']}-Alarm{which}-{call.services.ids.uuid()}"
        )  # fmt: skip
    return names


def _check(request: Params, kind: str | None) -> Params:
    """The type of the policy, and the configuration that belongs to it. Raises AwsError."""
    if kind is None:
        raise validation_error("PolicyType must be given to create a scaling policy.")
    if kind not in _CONFIGS:
        raise validation_error(f"Sagewright has no policies of type {kind}. Use {' or '.join(_CONFIGS)}.")
    other = next(member for name, member in _CONFIGS.items() if name != kind)
    if other in request or _CONFIGS[kind] not in request:
        raise validation_error(f"A policy of type {kind} has a {_CONFIGS[kind]}, and no other.")
    config: Params = request[_CONFIGS[kind]]
    negative = [member for member in _COOLDOWNS if config.get(member, 0) < 0]
    if negative:
        raise validation_error(f"{negative[0]} must not be below 0.")
    if kind == "StepScaling":
        _check_steps(config)
    elif ("PredefinedMetricSpecification" in config) == ("CustomizedMetricSpecification" in config):
        raise validation_error(
            "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be given."
        )
    elif not 0 < config["TargetValue"] < 1e108:
        raise validation_error("TargetValue must be above 0.")
    return {"PolicyType": kind, _CONFIGS[kind]: config}


def _check_steps(config: Params) -> None:
    """Raises AwsError unless the steps cover their range once."""
    if "AdjustmentType" not in config or not config.get("StepAdjustments"):
        raise validation_error("Step scaling needs an AdjustmentType and at least one of StepAdjustments.")
    infinity = float("inf")
    spans = sorted(
        (step.get("MetricIntervalLowerBound", -infinity), step.get("MetricIntervalUpperBound", infinity))
        for step in config["StepAdjustments"]
    )
    if any(not low < high for low, high in spans):
        raise validation_error("The lower bound of a step must be less than its upper bound.")
    for (_, end), (start, _) in pairwise(spans):
        if end != start:
            what = "a gap between" if end < start else "an overlap of"
            raise validation_error(f"There is {what} the steps at {end} and {start}.")
    if "MinAdjustmentMagnitude" in config and config["AdjustmentType"] != "PercentChangeInCapacity":
        raise validation_error("MinAdjustmentMagnitude is for PercentChangeInCapacity only.")


@operations
def describe_scaling_policies(call: Call, request: Params) -> Params:
    records, more = listed(call, POLICY, request, request.get("PolicyNames"))
    by_action = _alarms_by_action(call) if any(r.spec["PolicyType"] == "StepScaling" for r in records) else {}
    return {"ScalingPolicies": [_view(call, record, by_action) for record in records], **more}


def _view(call: Call, record: Record, by_action: Mapping[str, list[str]]) -> Params:
    """A step policy lists the alarms that users made for it."""
    found = by_action.get(record.status["PolicyARN"], [])
    theirs = [{"AlarmName": name, "AlarmARN": alarm_arn(call.account, call.region, name)} for name in found]
    own = record.status["Alarms"] if record.spec["PolicyType"] != "StepScaling" else theirs
    return {**record.spec, "PolicyARN": record.status["PolicyARN"], "Alarms": own, "CreationTime": record.created}


def _alarms_by_action(call: Call) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for record in call.store.every(Query(call.account, call.region, METRIC)):
        for arn in {arn for member in ACTIONS.values() for arn in record.spec.get(member, ())}:
            found.setdefault(arn, []).append(record.name)
    return found


@operations
def delete_scaling_policy(call: Call, request: Params) -> Params:
    check_identity(request)
    for _ in attempts():
        record = call.store.get(key_of(call, POLICY, request, request["PolicyName"]))
        if record is None:
            raise missing(f"scaling policy found with name {request['PolicyName']}", request)
        try:
            call.store.write([("delete", record), *alarm_deletions(call.store, record)])
            return {}
        except StaleRecord:
            continue
    raise AwsError("ConcurrentUpdateException", "The scaling policy kept changing. Try again.")
