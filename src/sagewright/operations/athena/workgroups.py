"""Workgroups, their tags among them. `primary` is always there, with or without a record."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AlreadyExists, StaleRecord
from sagewright.operations.athena.requests import invalid, listed, page
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import tags_of
from sagewright.operations.table import Operations, brief
from sagewright.resources.arn import Arn
from sagewright.resources.query_execution import ENGINE_VERSION, KIND, NAMED_QUERY, PREPARED, PRIMARY, WORKGROUP
from sagewright.resources.record import Record
from sagewright.store.base import Query, attempts

operations = Operations()
_VERSION: Final = {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": ENGINE_VERSION}
_CONFIGURATION: Final[Mapping[str, Any]] = {
    "EnforceWorkGroupConfiguration": True,
    "PublishCloudWatchMetricsEnabled": False,
    "RequesterPaysEnabled": False,
    "EngineVersion": _VERSION,
}


def group_of(call: Call, name: str) -> Record:
    """Raises AwsError for one that is not there."""
    record = call.store.get(call.key(WORKGROUP, name))
    if record is None and name == PRIMARY:
        return _primary(call)
    if record is None:
        raise invalid(f"WorkGroup {name} is not found.")
    return record


def _primary(call: Call) -> Record:
    config = {**_CONFIGURATION, "EnforceWorkGroupConfiguration": False}
    return Record(call.key(WORKGROUP, PRIMARY), "primary", 0.0, 0.0, {"Configuration": config}, state="ENABLED")


@operations
def create_work_group(call: Call, request: Params) -> Params:
    name = request["Name"]
    _check(request.get("Configuration", {}))
    config = {**_CONFIGURATION, **request.get("Configuration", {}), "EngineVersion": _VERSION}
    spec = {"Configuration": config, "Description": request.get("Description", "")}
    uid, tags = call.services.ids.token(), tags_of(request)
    record = Record(call.key(WORKGROUP, name), uid, call.now, call.now, spec, state="ENABLED", tags=tags)
    try:
        if name == PRIMARY:
            raise AlreadyExists(name)
        call.store.create(record)
    except AlreadyExists:
        raise invalid(f"WorkGroup {name} is already created.") from None
    return {}


def _check(config: Mapping[str, Any]) -> None:
    location = config.get("ResultConfiguration", config.get("ResultConfigurationUpdates", {})).get("OutputLocation")
    if location and not location.startswith("s3://"):
        raise invalid(f"The output location {location} must be an S3 address: s3://bucket/prefix/.")
    for member in ("IdentityCenterConfiguration", "EngineConfiguration"):
        if config.get(member):
            raise invalid(f"Sagewright's Athena has no workgroups with {member}: leave it out.")


@operations
@brief
def get_work_group(call: Call, request: Params) -> Params:
    return {
        "WorkGroup": {
            **_summary(group := group_of(call, request["WorkGroup"])),
            "Configuration": group.spec["Configuration"],
        }
    }


@operations
def list_work_groups(call: Call, request: Params) -> Params:
    found = page(call, Query(call.account, call.region, WORKGROUP), request)
    records = list(found.records)
    if "NextToken" not in request and call.store.get(call.key(WORKGROUP, PRIMARY)) is None:
        records.insert(0, _primary(call))
    return listed("WorkGroups", [{**_summary(each), "EngineVersion": _VERSION} for each in records], found)


def _summary(record: Record) -> Params:
    told = {"Name": record.name, "State": record.state, "Description": record.spec.get("Description", "")}
    return {**told, **({"CreationTime": record.created} if record.created else {})}


@operations
def update_work_group(call: Call, request: Params) -> Params:
    name = request["WorkGroup"]
    updates = request.get("ConfigurationUpdates", {})
    _check(updates)
    group_of(call, name)
    if name == PRIMARY and call.store.get(call.key(WORKGROUP, PRIMARY)) is None:
        with suppress(AlreadyExists):
            call.store.create(replace(_primary(call), created=call.now, modified=call.now))

    def update(record: Record) -> Record:
        spec = {**record.spec, "Configuration": _changed(record.spec["Configuration"], updates)}
        if "Description" in request:
            spec["Description"] = request["Description"]
        return replace(record, spec=spec, state=request.get("State", record.state), modified=call.now)

    if call.store.amend(call.key(WORKGROUP, name), update) is None:
        raise invalid(f"WorkGroup {name} is not found.")
    return {}


def _changed(config: Mapping[str, Any], updates: Mapping[str, Any]) -> dict[str, Any]:
    changed = dict(config)
    for member, value in updates.items():
        if member == "ResultConfigurationUpdates":
            changed["ResultConfiguration"] = _changed(config.get("ResultConfiguration", {}), value)
        elif member.startswith("Remove"):
            if value:
                changed.pop(member.removeprefix("Remove"), None)
        elif member != "EngineVersion":
            changed[member] = value
    return changed


@operations
def delete_work_group(call: Call, request: Params) -> Params:
    """One that has queries goes only with RecursiveDeleteOption, and they with it."""
    name = request["WorkGroup"]
    if name == PRIMARY:
        raise invalid("The primary WorkGroup cannot be deleted.")
    for _ in attempts():
        group = group_of(call, name)
        query = Query(call.account, call.region, NAMED_QUERY, facets={"WorkGroup": name})
        named = call.store.list(query, limit=500).records
        prepared = call.store.list(Query(call.account, call.region, PREPARED, parent=name), limit=500).records
        ran = call.store.count(Query(call.account, call.region, KIND, facets={"WorkGroup": name}))
        if (named or prepared or ran) and not request.get("RecursiveDeleteOption"):
            raise invalid(f"WorkGroup {name} is not empty: delete it with RecursiveDeleteOption.")
        try:
            call.store.write([("delete", group), *(("delete", each) for each in (*named, *prepared))])
            return {}
        except StaleRecord:
            continue
    raise invalid(f"WorkGroup {name} kept changing. Try again.")


@operations
def tag_resource(call: Call, request: Params) -> Params:
    added = tags_of(request)
    name = _named(call, request["ResourceARN"])
    call.store.amend(call.key(WORKGROUP, name), lambda record: record.tagged(added))
    return {}


@operations
def untag_resource(call: Call, request: Params) -> Params:
    key = call.key(WORKGROUP, _named(call, request["ResourceARN"]))
    call.store.amend(key, lambda record: record.untagged(request["TagKeys"]))
    return {}


@operations
def list_tags_for_resource(call: Call, request: Params) -> Params:
    tags = group_of(call, _named(call, request["ResourceARN"])).tags
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _named(call: Call, text: str) -> str:
    """The workgroup of an ARN: only they have tags here. Raises AwsError for one that is not there."""
    try:
        arn = Arn.parse(text)
    except ValueError:
        raise invalid(f"{text} is not an ARN.") from None
    if (arn.service, arn.account, arn.region) != ("athena", call.account, call.region) or not arn.resource.startswith(
        "workgroup/"
    ):
        raise invalid(f"{text} is not a workgroup of this account and region. Only workgroups have tags here.")
    return group_of(call, arn.resource.removeprefix("workgroup/")).name
