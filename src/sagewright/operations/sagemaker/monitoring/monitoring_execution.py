"""Executions of monitoring schedules. Each is written down by the schedule that is run."""

from __future__ import annotations

from typing import Any, Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import listing
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found
from sagewright.operations.table import Operations


def _scheduled_after(view: Params, wanted: Any) -> bool:
    return bool(view["ScheduledTime"] > wanted)


def _scheduled_before(view: Params, wanted: Any) -> bool:
    return bool(view["ScheduledTime"] < wanted)


_FACETS: Final = ("EndpointName", "MonitoringJobDefinitionName", "MonitoringScheduleName", "MonitoringType")
NOUN: Final = Noun(
    "MonitoringExecution",
    "monitoring-execution",
    resource_not_found("Monitoring execution"),
    resource_in_use("Monitoring execution"),
    facets={name: name for name in _FACETS},
    filters={
        **{name: name for name in _FACETS[:3]},
        "MonitoringTypeEquals": "MonitoringType",
        "ScheduledTimeAfter": _scheduled_after,
        "ScheduledTimeBefore": _scheduled_before,
    },
    sorts={"ScheduledTime": "ScheduledTime"},
)
operations = Operations()


@operations
def list_monitoring_executions(call: Call, request: Params) -> Params:
    return listing.page(call, request, NOUN)
