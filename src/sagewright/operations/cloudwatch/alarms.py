"""Alarms of metrics: PutMetricAlarm and what is asked of all alarms. `controllers/alarm.py` evaluates them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from sagewright.base.errors import AlreadyExists, AwsError, StaleRecord
from sagewright.dataplane.alarms.changing import Change, change, queries_of
from sagewright.dataplane.alarms.judging import COMPARISONS, TREATMENTS
from sagewright.operations.call import Call, Params
from sagewright.operations.cloudwatch.metrics import dimensions, math_errors
from sagewright.operations.sagemaker.noun import tags_of
from sagewright.operations.table import Operations
from sagewright.resources import alarm
from sagewright.resources.alarm import ACTIONS, COMPOSITE, METRIC, UNKNOWN, alarm_arn
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record
from sagewright.resources.scaling import is_policy
from sagewright.store.base import Query, attempts
from sagewright.telemetry.metrics_query import check, check_period

operations = Operations()
_DAY: Final = 86_400
_SIMPLE: Final = ("MetricName", "Namespace", "Dimensions", "Period", "Statistic", "ExtendedStatistic", "Unit")
_UNBUILT: Final = {
    "ThresholdMetricId": "do alarms on anomaly detection bands",
    "EvaluationCriteria": "do alarms on PromQL",
    "EvaluationInterval": "do alarms on PromQL",
    "WarmUpConfiguration": "let alarms warm up",
    "ActionConfiguration": "hand alarms' tags to their actions",
}


@operations
def put_metric_alarm(call: Call, request: Params) -> Params:
    _check(call, request)
    put(call, request, METRIC, {"Metric": metric_facet(request)})
    return {}


def metric_facet(spec: Params) -> str:
    """What DescribeAlarmsForMetric finds an alarm by; '' for alarms on expressions."""
    return f"{spec['Namespace']}\n{spec['MetricName']}" if "MetricName" in spec and "Namespace" in spec else ""


def put(call: Call, request: Params, kind: str, facets: dict[str, str]) -> None:
    """Write an alarm down, new or over the old one, whose state it keeps."""
    key = call.key(kind, request["AlarmName"])
    spec = {member: value for member, value in request.items() if member not in ("AlarmName", "Tags")}
    other = COMPOSITE if kind == METRIC else METRIC
    if call.store.get(call.key(other, key.name)) is not None:
        raise invalid(f"There is an alarm of another type named {key.name}. Choose another name.")
    tags = tags_of(request)
    for _ in attempts():
        earlier = call.store.get(key)
        told = {"type": "Update" if earlier else "Create", "updatedAlarm" if earlier else "createdAlarm": spec}
        summary = f'Alarm "{key.name}" {"updated" if earlier else "created"}'
        version = str(earlier.version if earlier else 0)
        item = alarm.history(key, "ConfigurationUpdate", summary, told, call.now, version)
        try:
            if earlier is None:
                status = {"StateReason": "Unchecked: Initial alarm creation", "StateUpdatedTimestamp": call.now}
                uid = call.services.ids.token()
                record = Record(key, uid, call.now, call.now, spec, status, UNKNOWN, tags=tags, facets=facets)
                call.store.write([("create", record), ("create", item)])
            else:
                changed = replace(earlier, spec=spec, facets=facets, modified=call.now)
                call.store.write([("update", changed), ("create", item)])
            return
        except (AlreadyExists, StaleRecord):
            continue
    raise AwsError("ConcurrentModificationException", f"Alarm {key.name} kept changing. Try again.")


def _check(call: Call, request: Params) -> None:
    for member, what in _UNBUILT.items():
        if member in request:
            raise invalid(f"Sagewright does not {what} yet. Leave {member} out.")
    if "WallClockWindow" in request.get("EvaluationWindow", {}):
        raise invalid("Sagewright evaluates alarms on sliding windows only. Leave EvaluationWindow out.")
    if request.get("EvaluateLowSampleCountPercentile", "evaluate") != "evaluate":
        raise invalid(
            "Sagewright evaluates percentiles of few samples too. Leave EvaluateLowSampleCountPercentile out."
        )
    comparison = request.get("ComparisonOperator")
    if comparison not in COMPARISONS:
        raise invalid(
            "ComparisonOperator must be given."
            if comparison is None
            else f"{comparison} is for anomaly detection, "
            "which Sagewright does not do yet. Use one of " + ", ".join(COMPARISONS) + "."
        )
    for member in ("Threshold", "EvaluationPeriods"):
        if member not in request:
            raise invalid(f"{member} must be given.")
    if not abs(request["Threshold"]) < float("inf"):
        raise invalid("Threshold must be a finite number.")
    if request.get("TreatMissingData", "missing") not in TREATMENTS:
        raise invalid(f"TreatMissingData must be one of {', '.join(TREATMENTS)}.")
    if request.get("DatapointsToAlarm", 1) > request["EvaluationPeriods"]:
        raise invalid("DatapointsToAlarm must not be greater than EvaluationPeriods.")
    _check_metric(request)
    check_actions(call, request, scaling=True)


def _check_metric(request: Params) -> None:
    if "Metrics" in request:
        both = [member for member in _SIMPLE if request.get(member)]
        if both:
            raise AwsError("InvalidParameterCombination", f"Metrics and {both[0]} cannot be given together.")
        if sum(query.get("ReturnData", True) for query in request["Metrics"]) != 1:
            raise invalid("Exactly one element of Metrics must return data.")
        foreign = [query for query in request["Metrics"] if "AccountId" in query]
        if foreign:
            raise invalid("Sagewright watches metrics of this account only. Leave AccountId out.")
    else:
        missing = [member for member in ("MetricName", "Namespace", "Period") if member not in request]
        if missing:
            raise AwsError("MissingParameter", f"The parameter {missing[0]} must be given, or Metrics.")
        if ("Statistic" in request) == ("ExtendedStatistic" in request):
            raise AwsError(
                "InvalidParameterCombination", "Exactly one of Statistic and ExtendedStatistic must be given."
            )
        dimensions(request)
    queries = queries_of(request)
    with math_errors():
        check(queries)
        periods = [check_period(q["Period"]) for q in queries if "Period" in q]
    periods += [query["MetricStat"]["Period"] for query in queries if "MetricStat" in query]
    period = max(periods, default=300)
    longest = _DAY if period < 3600 else 7 * _DAY
    if period * request["EvaluationPeriods"] > longest:
        raise invalid(
            f"Metrics cannot be checked across more than {longest // _DAY} day(s): "
            f"EvaluationPeriods * Period must be <= {longest}."
        )


def check_actions(call: Call, request: Params, *, scaling: bool) -> None:
    """Raises AwsError for an action that would not happen; `scaling` says whether scaling policies may be called."""
    for member in ACTIONS.values():
        for text in request.get(member, ()):
            try:
                arn = Arn.parse(text)
            except ValueError:
                raise invalid(f"Invalid arn syntax: {text}") from None
            if arn.service != "sns" and not (scaling and is_policy(text)):
                also = " or a scaling policy of SageMaker's" if scaling else ""
                raise invalid(f"Sagewright does not do the alarm action {text}. Use an SNS topic{also}.")
            if arn.account != call.account:
                raise invalid(f"The alarm action {text} is of another account.")


@operations
def set_alarm_state(call: Call, request: Params) -> Params:
    data = request.get("StateReasonData", "")
    if data:
        try:
            orjson.loads(data)
        except ValueError:
            raise AwsError("InvalidFormat", "StateReasonData must be JSON.") from None
    wanted = Change(request["StateValue"], request["StateReason"], data)
    for kind in (METRIC, COMPOSITE):
        key = call.key(kind, request["AlarmName"])
        if change(call.store, call.services.events, key, lambda _record: wanted, call.now) is not None:
            return {}
    raise AwsError("ResourceNotFound", f"Alarm {request['AlarmName']} does not exist.", status=404)


@operations
def delete_alarms(call: Call, request: Params) -> Params:
    """Names of no alarm are passed over, as on AWS."""
    for name in request["AlarmNames"]:
        for kind in (METRIC, COMPOSITE):
            _delete(call, kind, name)
    return {}


def _delete(call: Call, kind: str, name: str) -> None:
    for _ in attempts():
        record = call.store.get(call.key(kind, name))
        if record is None:
            return
        told = {"type": "Delete", "deletedAlarm": record.spec}
        summary = f'Alarm "{name}" deleted'
        item = alarm.history(record.key, "ConfigurationUpdate", summary, told, call.now, str(record.version))
        try:
            call.store.write([("delete", record), ("create", item)])
            return
        except StaleRecord:
            continue
    raise AwsError("ConcurrentModificationException", f"Alarm {name} kept changing. Try again.")


@operations
def enable_alarm_actions(call: Call, request: Params) -> Params:
    return _switch(call, request["AlarmNames"], on=True)


@operations
def disable_alarm_actions(call: Call, request: Params) -> Params:
    return _switch(call, request["AlarmNames"], on=False)


def _switch(call: Call, names: Sequence[str], *, on: bool) -> Params:
    def switch(record: Record) -> Record | None:
        if record.spec.get("ActionsEnabled", True) == on:
            return None
        return replace(record, spec={**record.spec, "ActionsEnabled": on}, modified=call.now)

    for name in names:
        for kind in (METRIC, COMPOSITE):
            call.store.amend(call.key(kind, name), switch)
    return {}


@operations
def describe_alarms_for_metric(call: Call, request: Params) -> Params:
    wanted = dimensions(request)
    found = call.store.every(Query(call.account, call.region, METRIC, facets={"Metric": metric_facet(request)}))

    def fits(record: Record) -> bool:
        spec = record.spec
        given = ("Statistic", "ExtendedStatistic", "Period", "Unit")
        same = all(spec.get(member) == request[member] for member in given if member in request)
        return same and dimensions(spec) == wanted

    return {"MetricAlarms": [view(record) for record in found if fits(record)]}


def view(record: Record) -> Params:
    """All that DescribeAlarms says of an alarm."""
    key = record.key
    lists: dict[str, Any] = {member: [] for member in ACTIONS.values()}
    if key.kind == METRIC and "Metrics" not in record.spec:
        lists["Dimensions"] = []
    return {
        **lists,
        "ActionsEnabled": True,
        **record.spec,
        **record.status,
        "AlarmName": key.name,
        "AlarmArn": alarm_arn(key.account, key.region, key.name),
        "AlarmConfigurationUpdatedTimestamp": record.modified,
        "StateValue": record.state,
    }


def invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)
