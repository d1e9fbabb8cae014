"""Monitoring schedules: when a job definition is run, against which endpoint."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import at
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found
from sagewright.resources.record import Record

_ENDPOINT: Final = "EndpointInput.EndpointName"


def _seen(record: Record) -> Params:
    """What the schedule's configuration says, where Describe… and List… show it."""
    config = record.spec["MonitoringScheduleConfig"]
    inputs = at(config, "MonitoringJobDefinition.MonitoringInputs") or [{}]
    return {
        "MonitoringType": config.get("MonitoringType"),
        "MonitoringJobDefinitionName": config.get("MonitoringJobDefinitionName"),
        "EndpointName": at(inputs[0], _ENDPOINT),
    }


NOUN: Final = Noun(
    "MonitoringSchedule",
    "monitoring-schedule",
    resource_not_found("Monitoring schedule"),
    resource_in_use("Monitoring schedule"),
    facets={name: name for name in ("EndpointName", "MonitoringJobDefinitionName", "MonitoringType")},
    filters={
        "EndpointName": "EndpointName",
        "MonitoringJobDefinitionName": "MonitoringJobDefinitionName",
        "MonitoringTypeEquals": "MonitoringType",
    },
    also=_seen,
)
operations = NOUN.operations(delete=True)


@operations
def create_monitoring_schedule(call: Call, request: Params) -> Params:
    _check(request)
    return NOUN.answer(call, NOUN.create(call, request, state="Pending"))


@operations
def update_monitoring_schedule(call: Call, request: Params) -> Params:
    _check(request)
    return NOUN.answer(call, NOUN.merge(call, request, "MonitoringScheduleConfig"))


@operations
def start_monitoring_schedule(call: Call, request: Params) -> Params:
    NOUN.amend(call, request["MonitoringScheduleName"], lambda record: replace(record, state="Pending", intent="run"))
    return {}


@operations
def stop_monitoring_schedule(call: Call, request: Params) -> Params:
    """Nothing runs that would have to end first."""
    NOUN.amend(call, request["MonitoringScheduleName"], lambda record: replace(record, state="Stopped", intent="stop"))
    return {}


def _check(request: Params) -> None:
    config = request["MonitoringScheduleConfig"]
    if ("MonitoringJobDefinition" in config) == ("MonitoringJobDefinitionName" in config):
        raise validation_error(
            "Exactly one of MonitoringJobDefinition and MonitoringJobDefinitionName must be given in "
            "MonitoringScheduleConfig."
        )
