"""Edge deployment plans: which models go to which devices, stage by stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.edge import device, device_fleet
from sagewright.operations.sagemaker.listing import contains, output_of, project, sliced
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found
from sagewright.resources.record import Record
from sagewright.store.base import Query

_READY: Final = "READYTODEPLOY"
_NO_COUNT: Final = {"EdgeDeploymentSuccess": 0, "EdgeDeploymentPending": 0, "EdgeDeploymentFailed": 0}
NOUN: Final = Noun(
    "EdgeDeploymentPlan",
    "edge-deployment",
    resource_not_found("Edge deployment plan"),
    resource_in_use("Edge deployment plan"),
    filters={"DeviceFleetNameContains": contains("DeviceFleetName")},
    sorts={"DEVICE_FLEET_NAME": "DeviceFleetName"},
    also=lambda _record: dict(_NO_COUNT),
)
operations = NOUN.operations(delete=True)
del operations.handlers["describe_edge_deployment_plan"]


@operations
def create_edge_deployment_plan(call: Call, request: Params) -> Params:
    device_fleet.NOUN.find(call, request["DeviceFleetName"])
    stages = _staged(request.get("Stages", ()))
    return NOUN.answer(call, NOUN.create(call, {**request, "Stages": stages}))


@operations
def describe_edge_deployment_plan(call: Call, request: Params) -> Params:
    """The stages come in pages."""
    view = NOUN.view(NOUN.named(call, request))
    return {**project(view, output_of(call)), **sliced(view["Stages"], request, "Stages")}


@operations
def create_edge_deployment_stage(call: Call, request: Params) -> Params:
    added = _staged(request["Stages"])
    _change_stages(call, request, lambda stages: [*stages, *added])
    return {}


@operations
def delete_edge_deployment_stage(call: Call, request: Params) -> Params:
    name = request["StageName"]

    def drop(stages: list[Any]) -> list[Any]:
        _stage(stages, name)
        return [stage for stage in stages if stage["StageName"] != name]

    _change_stages(call, request, drop)
    return {}


@operations
def start_edge_deployment_stage(call: Call, request: Params) -> Params:
    _stage(NOUN.named(call, request).spec["Stages"], request["StageName"])
    return {}


@operations
def stop_edge_deployment_stage(call: Call, request: Params) -> Params:
    stage = _stage(NOUN.named(call, request).spec["Stages"], request["StageName"])
    raise validation_error(
        f"Stage {stage['StageName']} is {stage['DeploymentStatus']['StageStatus']}: there is nothing to stop."
    )


@operations
def list_stage_devices(call: Call, request: Params) -> Params:
    """The devices of the fleet that the stage selects. None has been deployed to."""
    plan = NOUN.named(call, request)
    stage = _stage(plan.spec["Stages"], request["StageName"])
    fleet = Query(call.account, call.region, device.NOUN.kind, parent=plan.spec["DeviceFleetName"])
    found = [
        {
            "EdgeDeploymentPlanArn": plan.status["EdgeDeploymentPlanArn"],
            "EdgeDeploymentPlanName": plan.name,
            "StageName": stage["StageName"],
            "DeviceFleetName": each.key.parent,
            "DeviceName": each.name,
            "DeviceArn": each.status["DeviceArn"],
            "DeviceDeploymentStatus": _READY,
        }
        for each in call.store.every(fleet)
        if _selects(stage["DeviceSelectionConfig"], each)
    ]
    return sliced(found, request, "DeviceDeploymentSummaries")


def _selects(selection: Params, record: Record) -> bool:
    match selection["DeviceSubsetType"]:
        case "SELECTION":
            return record.name in selection.get("DeviceNames", ())
        case "NAMECONTAINS":
            return selection.get("DeviceNameContains", "") in record.name
    return True


def _staged(stages: Any) -> list[Any]:
    """Stages as Describe… tells of them."""
    return [
        {"DeploymentConfig": {"FailureHandlingPolicy": "DO_NOTHING"}, **stage, "DeploymentStatus": _not_begun()}
        for stage in stages
    ]


def _not_begun() -> Params:
    return {
        "StageStatus": "READYTODEPLOY",
        "EdgeDeploymentSuccessInStage": 0,
        "EdgeDeploymentPendingInStage": 0,
        "EdgeDeploymentFailedInStage": 0,
    }


def _stage(stages: Any, name: str) -> Params:
    found: Params | None = next((stage for stage in stages if stage["StageName"] == name), None)
    if found is None:
        raise AwsError("ResourceNotFound", f"The plan has no stage named {name}.")
    return found


def _change_stages(call: Call, request: Params, change: Callable[[list[Any]], list[Any]]) -> None:
    def amend(record: Record) -> Record:
        stages = change(list(record.spec["Stages"]))
        names = [stage["StageName"] for stage in stages]
        if len(set(names)) < len(names):
            raise AwsError("ResourceInUse", "Stage names must be unique within a plan.")
        return replace(record, spec={**record.spec, "Stages": stages})

    NOUN.amend(call, request["EdgeDeploymentPlanName"], amend)
