"""Device fleets, and a report of the devices in one."""

from __future__ import annotations

from collections import Counter
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.edge import device
from sagewright.operations.sagemaker.noun import Noun, refuse_while, resource_in_use
from sagewright.operations.sagemaker.roles import check_role
from sagewright.resources.record import Record
from sagewright.store.base import Query

_CONNECTED: Final = 600
"""Seconds since the last heartbeat for which a device counts as connected."""


def _missing(name: str, _arn: str) -> AwsError:
    return validation_error(f"No devicefleet with name {name} was found.")


NOUN: Final = Noun("DeviceFleet", "device-fleet", _missing, resource_in_use("Device fleet"))
operations = NOUN.operations()


@operations
def create_device_fleet(call: Call, request: Params) -> Params:
    if "RoleArn" in request:
        check_role(call, request["RoleArn"])
    if request.get("EnableIotRoleAlias"):
        raise validation_error("There is no AWS IoT here, so no role alias can be made. Leave EnableIotRoleAlias out.")
    NOUN.create(call, request)
    return {}


@operations
def update_device_fleet(call: Call, request: Params) -> Params:
    NOUN.merge(call, request)
    return {}


@operations
def delete_device_fleet(call: Call, request: Params) -> Params:
    def check(record: Record) -> None:
        refusal = AwsError("ResourceInUse", f"DeviceFleet {record.name} has devices. Deregister them first.")
        refuse_while(call, refusal, device.NOUN, parent=record.name)

    NOUN.remove(call, NOUN.named(call, request), check)
    return {}


@operations
def get_device_fleet_report(call: Call, request: Params) -> Params:
    """Counted from what the devices themselves have reported."""
    fleet = NOUN.named(call, request)
    devices = list(call.store.every(Query(call.account, call.region, device.NOUN.kind, parent=fleet.name)))
    view = NOUN.view(fleet)
    versions = Counter(each.status["AgentVersion"] for each in devices if "AgentVersion" in each.status)
    connected = {each.name for each in devices if call.now - each.status.get("LatestHeartbeat", 0) < _CONNECTED}
    return {
        "DeviceFleetArn": view["DeviceFleetArn"],
        "DeviceFleetName": fleet.name,
        "OutputConfig": view["OutputConfig"],
        **({"Description": view["Description"]} if "Description" in view else {}),
        "ReportGenerated": call.now,
        "DeviceStats": {"ConnectedDeviceCount": len(connected), "RegisteredDeviceCount": len(devices)},
        "AgentVersions": [{"Version": name, "AgentCount": count} for name, count in sorted(versions.items())],
        "ModelStats": _models(devices, connected),
    }


def _models(devices: list[Record], connected: set[str]) -> list[Params]:
    stats: dict[tuple[str, str], Params] = {}
    for each in devices:
        for model in each.status.get("Models", ()):
            name, version = model.get("ModelName", ""), model.get("ModelVersion", "")
            row = stats.setdefault(
                (name, version),
                {
                    "ModelName": name,
                    "ModelVersion": version,
                    "OfflineDeviceCount": 0,
                    "ConnectedDeviceCount": 0,
                    "ActiveDeviceCount": 0,
                    "SamplingDeviceCount": 0,
                },
            )
            row["ConnectedDeviceCount" if each.name in connected else "OfflineDeviceCount"] += 1
            row["ActiveDeviceCount"] += "LatestInference" in model
            row["SamplingDeviceCount"] += "LatestSampleTime" in model
    return [stats[key] for key in sorted(stats)]
