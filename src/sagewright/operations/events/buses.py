"""Event buses. The default one is always there; it has a record only once it has something to keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from sagewright.base.errors import AlreadyExists, AwsError, StaleRecord, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.events.common import bus_name, missing_bus, page
from sagewright.operations.sagemaker.noun import tags_of
from sagewright.operations.table import Operations
from sagewright.resources.event import BUS, DEFAULT_BUS, RULE, bus_arn
from sagewright.resources.record import Record
from sagewright.store.base import Query

operations = Operations()


@operations
def create_event_bus(call: Call, request: Params) -> Params:
    name = request["Name"]
    if name.startswith("aws.") or "/" in name or "EventSourceName" in request:
        raise validation_error(f"Sagewright has no partner event sources, so {name} cannot be the bus of one.")
    if "LogConfig" in request:
        raise validation_error("Sagewright does not write logs of event buses. Leave LogConfig out.")
    taken = AwsError("ResourceAlreadyExistsException", f"Event bus {name} already exists.")
    if name == DEFAULT_BUS:
        raise taken
    try:
        record = call.store.create(_new(call, name, request))
    except AlreadyExists:
        raise taken from None
    return {"EventBusArn": bus_arn(*record.key[:2], name), **_settings(record)}


def _new(call: Call, name: str, request: Params) -> Record:
    return Record(
        key=call.key(BUS, name),
        uid=call.services.ids.token(),
        created=call.now,
        modified=call.now,
        spec={member: value for member, value in request.items() if member not in ("Name", "Tags")},
        tags=tags_of(request),
    )


@operations
def describe_event_bus(call: Call, request: Params) -> Params:
    return _view(_bus(call, bus_name(call, request.get("Name"))))


@operations
def list_event_buses(call: Call, request: Params) -> Params:
    prefix = request.get("NamePrefix", "")
    found = page(call, Query(call.account, call.region, BUS, name_prefix=prefix), request)
    records = list(found.records)
    # The default bus stands first on the first page when it has no record of its own.
    unwritten = call.store.get(call.key(BUS, DEFAULT_BUS)) is None
    if unwritten and "NextToken" not in request and DEFAULT_BUS.startswith(prefix):
        records.insert(0, _bus(call, DEFAULT_BUS))
    shown = [{m: v for m, v in _view(record).items() if m in _LISTED} for record in records]
    return {"EventBuses": shown, **({"NextToken": found.next} if found.next else {})}


_LISTED = ("Name", "Arn", "Description", "Policy", "CreationTime", "LastModifiedTime")


@operations
def update_event_bus(call: Call, request: Params) -> Params:
    if "LogConfig" in request:
        raise validation_error("Sagewright does not write logs of event buses. Leave LogConfig out.")
    given = {member: value for member, value in request.items() if member != "Name"}

    def update(record: Record) -> Record:
        return replace(record, spec={**record.spec, **given}, modified=call.now)

    record = _change(call, bus_name(call, request.get("Name")), update)
    return {"Arn": _view(record)["Arn"], "Name": record.name, **_settings(record)}


@operations
def delete_event_bus(call: Call, request: Params) -> Params:
    name = bus_name(call, request["Name"])
    if name == DEFAULT_BUS:
        raise validation_error("Cannot delete event bus default.")
    for _ in range(20):
        record = call.store.get(call.key(BUS, name))
        if record is None:
            return {}
        if call.store.list(Query(call.account, call.region, RULE, parent=name), limit=1).records:
            raise validation_error("Event bus can't be deleted since it has rules.")
        try:
            call.store.delete(record)
            return {}
        except StaleRecord:
            continue
    raise AwsError("ConcurrentModificationException", f"Event bus {name} kept changing. Try again.")


@operations
def put_permission(call: Call, request: Params) -> Params:
    """Keep a statement, or a whole policy. All buses are of one account so far, which may use all of them."""
    name = bus_name(call, request.get("EventBusName"))
    if "Policy" in request:
        policy = _policy(request["Policy"])
        _change(call, name, lambda record: replace(record, spec={**record.spec, "Policy": policy}))
        return {}
    if missing := [member for member in ("Action", "Principal", "StatementId") if member not in request]:
        raise validation_error(f"Parameter {missing[0]} must be given, unless a whole Policy is.")
    principal = request["Principal"]
    statement: dict[str, Any] = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {"AWS": f"arn:aws:iam::{principal}:root"},
        "Action": request["Action"],
        "Resource": bus_arn(call.account, call.region, name),
    }
    if "Condition" in request:
        given = request["Condition"]
        statement["Condition"] = {given["Type"]: {given["Key"]: given["Value"]}}

    def add(record: Record) -> Record:
        kept = [each for each in _statements(record) if each.get("Sid") != statement["Sid"]]
        return replace(record, spec={**record.spec, "Policy": _document([*kept, statement])})

    _change(call, name, add)
    return {}


@operations
def remove_permission(call: Call, request: Params) -> Params:
    name = bus_name(call, request.get("EventBusName"))
    sid = request.get("StatementId")
    if sid is None and not request.get("RemoveAllPermissions"):
        raise validation_error("Parameter StatementId must be given, unless RemoveAllPermissions is.")

    def remove(record: Record) -> Record:
        kept = [each for each in _statements(record) if sid is not None and each.get("Sid") != sid]
        if sid is not None and len(kept) == len(_statements(record)):
            raise AwsError("ResourceNotFoundException", f"Statement with the provided id {sid} does not exist.")
        spec = {member: value for member, value in record.spec.items() if member != "Policy"}
        return replace(record, spec={**spec, "Policy": _document(kept)} if kept else spec)

    _change(call, name, remove)
    return {}


def _policy(text: str) -> str:
    try:
        document = orjson.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("Statement"), list | dict):
        raise validation_error("The policy is not valid: it must be a JSON object with a Statement.")
    return text


def _statements(record: Record) -> list[Mapping[str, Any]]:
    statements = orjson.loads(record.spec.get("Policy", "{}")).get("Statement", [])
    return [statements] if isinstance(statements, dict) else list(statements)


def _document(statements: list[Mapping[str, Any]]) -> str:
    return orjson.dumps({"Version": "2012-10-17", "Statement": statements}).decode()


def _bus(call: Call, name: str) -> Record:
    record = call.store.get(call.key(BUS, name))
    if record is not None:
        return record
    if name != DEFAULT_BUS:
        raise missing_bus(name)
    return Record(key=call.key(BUS, name), uid="", created=0.0, modified=0.0)


def _change(call: Call, name: str, change: Callable[[Record], Record]) -> Record:
    if name == DEFAULT_BUS and call.store.get(call.key(BUS, name)) is None:
        try:
            return call.store.create(change(_new(call, name, {})))
        except AlreadyExists:
            pass
    record = call.store.amend(call.key(BUS, name), change)
    if record is None:
        raise missing_bus(name)
    return record


def _settings(record: Record) -> Params:
    members = ("Description", "KmsKeyIdentifier", "DeadLetterConfig")
    return {member: record.spec[member] for member in members if member in record.spec}


def _view(record: Record) -> Params:
    view = {"Name": record.name, "Arn": bus_arn(*record.key[:2], record.name), **_settings(record)}
    if "Policy" in record.spec:
        view["Policy"] = record.spec["Policy"]
    if record.created:
        view |= {"CreationTime": record.created, "LastModifiedTime": record.modified}
    return view
