"""Events themselves: PutEvents, TestEventPattern."""

from __future__ import annotations

from typing import Any, Final

import orjson

from sagewright.base.errors import AwsError, validation_error
from sagewright.dataplane.events.bus import Bus
from sagewright.operations.call import Call, Params
from sagewright.operations.events.common import existing_bus
from sagewright.operations.events.rules import pattern
from sagewright.operations.table import Operations
from sagewright.telemetry.events import Event

operations = Operations()
_MOST_BYTES: Final = 1 << 20
_LATEST: Final = 253_402_300_799.0
"""The end of the year 9999, the last that can be spelled."""
_REQUIRED: Final = ("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail")


@operations
def put_events(call: Call, request: Params) -> Params:
    if "EndpointId" in request:
        raise validation_error("Sagewright has no global endpoints. Leave EndpointId out.")
    entries = request["Entries"]
    if sum(_size(entry) for entry in entries) > _MOST_BYTES:
        raise validation_error("Total size of the entries in the request is over the limit.")
    results: list[Params] = []
    events: list[Event] = []
    for entry in entries:
        try:
            events.append(_event(call, entry))
            results.append({})
        except AwsError as error:
            results.append({"ErrorCode": error.code, "ErrorMessage": error.message})
    ids = iter(_bus(call).take(events))
    return {
        "FailedEntryCount": len(entries) - len(events),
        "Entries": [result or {"EventId": next(ids)} for result in results],
    }


def _bus(call: Call) -> Bus:
    return call.services.events


def _event(call: Call, entry: Params) -> Event:
    """Raises AwsError with what the entry's result says."""
    for member in ("Source", "DetailType", "Detail"):
        if not entry.get(member):
            raise AwsError(
                "InvalidArgument", f"Parameter {member} is not valid. Reason: {member} is a required argument."
            )
    if entry["Source"].startswith("aws."):
        raise AwsError("NotAuthorizedForSourceException", "Not authorized for the source.")
    try:
        detail = orjson.loads(entry["Detail"])
    except ValueError:
        detail = None
    if not isinstance(detail, dict):
        raise AwsError("MalformedDetail", "Detail is malformed.")
    time = entry.get("Time")
    if time is not None and not 0 <= time <= _LATEST:
        raise AwsError("InvalidArgument", "Parameter Time is not valid.")
    bus = existing_bus(call, entry.get("EventBusName"))
    return Event(
        call.account, call.region, entry["Source"], entry["DetailType"], detail, entry.get("Resources", ()), time, bus
    )


def _size(entry: Params) -> int:
    """An entry's size, as EventBridge counts it."""
    texts = [entry.get("Source", ""), entry.get("DetailType", ""), entry.get("Detail", ""), *entry.get("Resources", ())]
    return (14 if "Time" in entry else 0) + sum(len(text.encode()) for text in texts)


@operations
def test_event_pattern(call: Call, request: Params) -> Params:
    matches = pattern(request["EventPattern"])
    try:
        event: Any = orjson.loads(request["Event"])
    except ValueError:
        event = None
    if not isinstance(event, dict):
        raise validation_error("Parameter Event is not valid. It must be a JSON object.")
    missing = [field for field in _REQUIRED if field not in event and field != "version"]
    if missing:
        raise validation_error(f"Parameter Event is not valid. It has no field {missing[0]}.")
    return {"Result": matches(event)}
