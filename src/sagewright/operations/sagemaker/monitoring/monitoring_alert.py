"""Alerts of monitoring schedules, and their history: both are written down by the schedule that is run."""

from __future__ import annotations

from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import listing
from sagewright.operations.sagemaker.monitoring import monitoring_schedule
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found
from sagewright.operations.table import Operations
from sagewright.resources.record import Record

_WHAT: Final = "Monitoring alert"


def _of_schedule(record: Record) -> Params:
    return {"MonitoringScheduleName": record.key.parent}


NOUN: Final = Noun(
    "MonitoringAlert",
    "monitoring-alert",
    resource_not_found(_WHAT),
    resource_in_use(_WHAT),
    parents=("MonitoringScheduleName",),
    state_member="AlertStatus",
    also=_of_schedule,
)
_HISTORY: Final = Noun(
    "MonitoringAlertHistory",
    "monitoring-alert-history",
    resource_not_found(_WHAT),
    resource_in_use(_WHAT),
    state_member="AlertStatus",
    facets={name: name for name in ("MonitoringScheduleName", "MonitoringAlertName")},
    filters={name: name for name in ("MonitoringScheduleName", "MonitoringAlertName")},
)
operations = Operations()


@operations
def list_monitoring_alerts(call: Call, request: Params) -> Params:
    monitoring_schedule.NOUN.named(call, request)
    return listing.page(call, request, NOUN)


@operations
def update_monitoring_alert(call: Call, request: Params) -> Params:
    schedule = monitoring_schedule.NOUN.named(call, request)
    NOUN.merge(call, request, "DatapointsToAlert", "EvaluationPeriod")
    return {
        "MonitoringScheduleArn": schedule.status["MonitoringScheduleArn"],
        "MonitoringAlertName": request["MonitoringAlertName"],
    }


@operations
def list_monitoring_alert_history(call: Call, request: Params) -> Params:
    return listing.page(call, request, _HISTORY)
