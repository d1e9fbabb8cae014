"""Metrics of trial components as Describe… and Search show them: a summary of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sagewright.operations.call import Call, Params
from sagewright.resources.record import Record
from sagewright.telemetry.component_metrics import Summary


def of_one(call: Call, component: Record) -> Params:
    """`Metrics` of a component; nothing where none was ever sent."""
    return shown(component, call.services.metrics.components.summaries(component.uid))


def of_many(call: Call, components: Sequence[Record]) -> Mapping[str, Params]:
    """The same of many, by the uids of their records."""
    found = call.services.metrics.components.summaries_of([component.uid for component in components])
    return {component.uid: shown(component, found.get(component.uid, ())) for component in components}


def shown(component: Record, summaries: Sequence[Summary]) -> Params:
    """A job's metrics name the job as their source, others the component itself."""
    source = component.status.get("Source", {}).get("SourceArn", component.status["TrialComponentArn"])
    metrics = [
        {
            "MetricName": each.name,
            "SourceArn": source,
            "TimeStamp": each.time,
            "Max": each.maximum,
            "Min": each.minimum,
            "Last": each.last,
            "Count": each.count,
            "Avg": each.mean,
            "StdDev": each.deviation,
        }
        for each in summaries
    ]
    return {"Metrics": metrics} if metrics else {}
