"""The alarms of target tracking policies: what is too much, what is too little."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sagewright.base.errors import validation_error
from sagewright.operations.applicationautoscaling.common import metric_dimensions
from sagewright.operations.call import Call, Params
from sagewright.operations.cloudwatch.alarms import metric_facet
from sagewright.resources.alarm import METRIC, UNKNOWN, alarm_arn
from sagewright.resources.record import Record
from sagewright.store.base import Write
from sagewright.telemetry.metrics_expression import MathError
from sagewright.telemetry.metrics_query import check

_LOW: Final = 0.9
"""Of the target value, as AWS begins to scale in."""
_SLOW_OUT, _SLOW_IN = 3, 15
"""Minutes that have to breach before it scales out, and in."""


@dataclass(frozen=True, slots=True)
class Predefined:
    """A metric that policies know by name."""

    metric: str
    statistic: str
    of: str
    """How the scalable dimensions begin that have it."""
    period: int = 60


PREDEFINED: Final[Mapping[str, Predefined]] = {
    # Add a predefined metric here.
    "SageMakerVariantInvocationsPerInstance": Predefined(
        "InvocationsPerInstance", "Sum", "sagemaker:variant:DesiredInstanceCount"
    ),
    "SageMakerVariantProvisionedConcurrencyUtilization": Predefined(
        "ServerlessProvisionedConcurrencyUtilization", "Maximum", "sagemaker:variant:DesiredProvisionedConcurrency"
    ),
    "SageMakerVariantConcurrentRequestsPerModelHighResolution": Predefined(
        "ConcurrentRequestsPerModel", "Average", "sagemaker:variant:DesiredInstanceCount", period=10
    ),
    "SageMakerInferenceComponentInvocationsPerCopy": Predefined(
        "InvocationsPerCopy", "Sum", "sagemaker:inference-component:"
    ),
    "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution": Predefined(
        "ConcurrentRequestsPerCopy", "Average", "sagemaker:inference-component:", period=10
    ),
}


def writes(call: Call, request: Params, config: Params, policy_arn: str, names: Mapping[str, str]) -> Sequence[Write]:
    """What writes the alarms `names` (by High and Low) of a policy down, new or over those that are there."""
    watched = _watched(request, config)
    period = watched.get("Period", 60)
    found: list[Write] = []
    for which, name in names.items():
        high = which == "High"
        spec = {
            **watched,
            "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy_arn}.",
            "ActionsEnabled": True,
            "AlarmActions": [policy_arn],
            "ComparisonOperator": "GreaterThanThreshold" if high else "LessThanThreshold",
            "Threshold": config["TargetValue"] * (1 if high else _LOW),
            "EvaluationPeriods": _SLOW_OUT if high else _SLOW_IN * 60 // period,
        }
        found.append(_write(call, name, spec))
    return found


def _write(call: Call, name: str, spec: dict[str, Any]) -> Write:
    key = call.key(METRIC, name)
    facets = {"Metric": metric_facet(spec)}
    earlier = call.store.get(key)
    status = {"StateReason": "Unchecked: Initial alarm creation", "StateUpdatedTimestamp": call.now}
    uid = call.services.ids.token()
    record = Record(key, uid, call.now, call.now, spec, status, UNKNOWN, facets=facets)
    if earlier is None:
        return "create", record
    return "update", Record(
        key, earlier.uid, earlier.created, call.now, spec, earlier.status, earlier.state, facets=facets,
        tags=earlier.tags, version=earlier.version,
    )  # fmt: skip


def view(call: Call, names: Mapping[str, str]) -> Sequence[Params]:
    """Alarms as policies list them."""
    return [{"AlarmName": name, "AlarmARN": alarm_arn(call.account, call.region, name)} for name in names.values()]


def _watched(request: Params, config: Params) -> Params:
    """The members of an alarm that say what it watches. Raises AwsError for metrics that do not fit."""
    if "PredefinedMetricSpecification" in config:
        name = config["PredefinedMetricSpecification"]["PredefinedMetricType"]
        metric = PREDEFINED.get(name)
        if metric is None or not request["ScalableDimension"].startswith(metric.of):
            raise validation_error(f"{name} is no metric of {request['ScalableDimension']}.")
        dimensions = metric_dimensions(request)
        return {
            "Namespace": "AWS/SageMaker",
            "MetricName": metric.metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
            "Statistic": metric.statistic,
            "Period": metric.period,
        }
    own = config["CustomizedMetricSpecification"]
    if "Metrics" in own:
        queries = [_query(query) for query in own["Metrics"]]
        try:
            check(queries)
        except MathError as error:
            raise validation_error(str(error)) from None
        if sum(query["ReturnData"] for query in queries) != 1:
            raise validation_error("Exactly one of the Metrics must return data.")
        return {"Metrics": queries}
    missing = [member for member in ("MetricName", "Namespace", "Statistic") if member not in own]
    if missing:
        raise validation_error(f"A customized metric needs {missing[0]}, or Metrics.")
    members = ("MetricName", "Namespace", "Dimensions", "Statistic", "Unit")
    return {**{member: own[member] for member in members if member in own}, "Period": 60}


def _query(query: Params) -> Params:
    """A target tracking metric as a metric data query: its period is a minute."""
    whole = {"ReturnData": True, **query}
    if "MetricStat" in query:
        whole["MetricStat"] = {"Period": 60, **query["MetricStat"]}
    return whole
