"""The agent on a device: where it is registered, what it should run, how it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import orjson

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.edge.device import NOUN
from sagewright.operations.table import Operations
from sagewright.resources.record import Record

_HOUR: Final = "3600"
operations = Operations()


@operations
def send_heartbeat(call: Call, request: Params) -> Params:
    """What DescribeDevice and the fleet's report then show."""
    heard = {
        "LatestHeartbeat": call.now,
        "AgentVersion": request["AgentVersion"],
        **({"Models": request["Models"]} if "Models" in request else {}),
    }

    def hear(record: Record) -> Record:
        return replace(record, status={**record.status, **heard})

    NOUN.amend(call, request["DeviceName"], hear, request["DeviceFleetName"])
    return {}


@operations
def get_device_registration(call: Call, request: Params) -> Params:
    device = NOUN.find(call, request["DeviceName"], request["DeviceFleetName"])
    registered = {"DeviceArn": device.status["DeviceArn"], "RegistrationTime": device.created}
    return {"DeviceRegistration": orjson.dumps(registered).decode(), "CacheTTL": _HOUR}


@operations
def get_deployments(call: Call, request: Params) -> Params:
    """None: no stage of a deployment plan can be started yet."""
    NOUN.find(call, request["DeviceName"], request["DeviceFleetName"])
    return {"Deployments": []}
