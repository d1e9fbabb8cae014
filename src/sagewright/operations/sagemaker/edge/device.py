"""Devices of a fleet. Their agents report through `sagemaker-edge` (`operations/edge/`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AlreadyExists, AwsError, StaleRecord, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, tags_of
from sagewright.resources.arn import sagemaker_arn
from sagewright.resources.record import Record

FLEET: Final = "device-fleet"


def _missing(name: str, _arn: str) -> AwsError:
    return validation_error(f"No device with name {name} was found.")


def _heard_after(view: Params, wanted: Any) -> bool:
    return bool(view.get("LatestHeartbeat", 0) > wanted)


def _has_model(view: Params, wanted: Any) -> bool:
    return any(model.get("ModelName") == wanted for model in view.get("Models", ()))


NOUN: Final = Noun(
    "Device",
    "device",
    _missing,
    resource_in_use("Device"),
    parents=("DeviceFleetName",),
    created_member="RegistrationTime",
    facets={"Arn": "DeviceArn"},
    filters={"LatestHeartbeatAfter": _heard_after, "ModelName": _has_model},
)
operations = NOUN.operations()


@operations
def register_devices(call: Call, request: Params) -> Params:
    """All of them, or none."""
    fleet = _fleet(call, request)
    names = [device["DeviceName"] for device in request["Devices"]]
    if len(set(names)) < len(names):
        raise validation_error("Device names must be unique within a fleet.")
    tags = [{"Key": key, "Value": value} for key, value in tags_of(request).items()]
    records = []
    for device in request["Devices"]:
        name = device["DeviceName"]
        arn = sagemaker_arn(call.region, call.account, FLEET, f"{fleet.name}/device/{name}")
        spec = {**device, "DeviceFleetName": fleet.name, "Tags": tags}
        records.append(NOUN.new(call, spec, name=name, parent=fleet.name, arn=arn))
    try:
        call.store.write([*(("create", record) for record in records), ("update", fleet)])
    except AlreadyExists as error:
        raise AwsError("ResourceInUse", f"{error}. Nothing was registered.") from None
    except StaleRecord:
        return register_devices(call, request)
    return {}


@operations
def update_devices(call: Call, request: Params) -> Params:
    fleet = _fleet(call, request)
    for device in request["Devices"]:
        NOUN.find(call, device["DeviceName"], fleet.name)
    for device in request["Devices"]:
        _update(call, fleet, device)
    return {}


@operations
def deregister_devices(call: Call, request: Params) -> Params:
    """Names that are not there (any more) are passed over."""
    fleet = _fleet(call, request)
    for name in dict.fromkeys(request["DeviceNames"]):
        record = call.store.get(NOUN.key(call, name, fleet.name))
        if record is not None:
            NOUN.remove(call, record)
    return {}


def _update(call: Call, fleet: Record, device: Params) -> None:
    def update(record: Record) -> Record:
        return replace(record, spec={**record.spec, **device})

    NOUN.amend(call, device["DeviceName"], update, fleet.name)


def _fleet(call: Call, request: Params) -> Record:
    fleet = call.store.get(call.key(FLEET, request["DeviceFleetName"]))
    if fleet is None:
        raise validation_error(f"No device fleet with name {request['DeviceFleetName']} was found.")
    return fleet
