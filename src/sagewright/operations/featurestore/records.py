"""Records of feature groups: put, read, deleted, one at a time."""

from __future__ import annotations

from typing import Final

import orjson

from sagewright.base.errors import AwsError
from sagewright.dataplane.features.changes import Change, Refused
from sagewright.dataplane.features.event_time import iso
from sagewright.dataplane.features.groups import ttl_of
from sagewright.dataplane.features.schema import BadRecord
from sagewright.operations.call import Call, Params
from sagewright.operations.featurestore.requests import (
    asked,
    check_names,
    check_online,
    given,
    group_named,
    invalid,
    put_of,
    shown,
    stores,
)
from sagewright.operations.table import Operations

operations = Operations()
_UPDATABLE: Final = ("InMemory", "Standard_V2")
_MOST_UPDATED: Final = 100
"""Features that one request may update."""


@operations
async def put_record(call: Call, request: Params) -> Params:
    group = await group_named(call, request["FeatureGroupName"])
    await call.services.features.files.change(group.uid, put_of(call, group, request))
    return {}


@operations
async def get_record(call: Call, request: Params) -> Params:
    group = await group_named(call, request["FeatureGroupName"])
    check_online(group)
    names = request.get("FeatureNames")
    check_names(group, names)
    identifier = request["RecordIdentifierValueAsString"]
    kept = await call.services.features.files.one(group.uid, identifier)
    if kept is None:
        return {}
    answer: Params = {"Record": orjson.Fragment(shown(kept, names))}
    if request.get("ExpirationTimeResponse") == "Enabled" and kept.expires is not None:
        answer["ExpiresAt"] = iso(kept.expires)
    return answer


@operations
async def delete_record(call: Call, request: Params) -> Params:
    """The deletion itself is a row of the offline store, where there is one."""
    group = await group_named(call, request["FeatureGroupName"])
    online, offline = stores(group, request)
    identifier, when = request["RecordIdentifierValueAsString"], request["EventTime"]
    schema = group.schema
    try:
        time = schema.when(when)
        schema.identified(identifier)
    except BadRecord as error:
        raise invalid(str(error)) from None
    hard = request.get("DeletionMode") == "HardDelete"
    values = {schema.identifier: identifier, schema.time: when}
    change = Change(
        "hard" if hard else "soft", identifier, time, values, asked(call), online=online, offline=offline
    )  # fmt: skip
    try:
        await call.services.features.files.change(group.uid, change)
    except Refused:
        raise invalid(
            f"EventTime: {when} is not later than that of the record. Nothing was deleted; give a later one."
        ) from None
    return {}


@operations
async def update_record(call: Call, request: Params) -> Params:
    group = await group_named(call, request["FeatureGroupName"])
    check_online(group)
    if group.storage not in _UPDATABLE:
        raise invalid(
            f"The online store of FeatureGroup {group.name} is of type {group.storage}, which has no partial updates. "
            "Put the whole record, or change the group's StorageType to Standard_V2 with UpdateFeatureGroup."
        )
    online, offline = stores(group, request)
    if not online:
        raise invalid("An update needs the OnlineStore among the TargetStores: it is of the record that is there.")
    identifier = request["RecordIdentifierValueAsString"]
    schema = group.schema
    if len(request["Features"]) > _MOST_UPDATED:
        raise invalid(f"{_MOST_UPDATED} features may be updated at once; these are {len(request['Features'])}.")
    try:
        values = schema.some(given(request["Features"]))
        time = schema.when(str(values[schema.time])) if schema.time in values else None
        schema.identified(identifier)
    except BadRecord as error:
        raise invalid(str(error)) from None
    if values.get(schema.identifier, identifier) != identifier:
        raise invalid(f"Feature {schema.identifier} is the record identifier, which cannot be updated.")
    if "TtlDuration" in request and time is None:
        raise invalid(f"TtlDuration needs the event time feature {schema.time} in the same request.")
    ttl = ttl_of(request.get("TtlDuration"))
    change = Change("update", identifier, time, values, asked(call), ttl, offline=offline)
    try:
        await call.services.features.files.change(group.uid, change)
    except Refused as error:
        raise _not_updated(error, group.name, identifier) from None
    return {}


def _not_updated(error: Refused, group: str, identifier: str) -> AwsError:
    record = f"The record {identifier!r} of FeatureGroup {group}"
    if error.why == "missing":
        return AwsError("ResourceNotFound", f"{record} does not exist. Put it first.", status=404)
    if error.why == "large":
        return invalid(f"{record} would be larger than 350 KB.")
    return AwsError("ConflictException", f"{record} is newer than the event time of this update.", status=409)
