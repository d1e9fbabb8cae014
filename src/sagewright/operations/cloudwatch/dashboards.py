"""Dashboards: kept and given back. They are global: one set per account."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import orjson

from sagewright.base.errors import AlreadyExists, AwsError, StaleRecord
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import tags_of
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, attempts

operations = Operations()
KIND: Final = "dashboard"
_PAGE: Final = 1000
_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def key(call: Call, name: str) -> Key:
    return Key(call.account, "", KIND, "", name)


def arn(record_key: Key) -> str:
    return str(Arn("aws", "cloudwatch", "", record_key.account, f"dashboard/{record_key.name}"))


@operations
def put_dashboard(call: Call, request: Params) -> Params:
    name, body = request["DashboardName"], request["DashboardBody"]
    if not 1 <= len(name) <= 255 or not set(name) <= _LETTERS:
        raise _invalid(f"The name {name!r} must have 1 to 255 letters, digits, - and _.")
    _check(body)
    tags = tags_of(request)
    for _ in attempts():
        earlier = call.store.get(key(call, name))
        try:
            if earlier is None:
                uid = call.services.ids.token()
                call.store.create(Record(key(call, name), uid, call.now, call.now, {"DashboardBody": body}, tags=tags))
            else:
                call.store.update(replace(earlier, spec={"DashboardBody": body}, modified=call.now))
            return {"DashboardValidationMessages": []}
        except (AlreadyExists, StaleRecord):
            continue
    raise AwsError("ConflictException", f"Dashboard {name} kept changing. Try again.")


def _check(body: str) -> None:
    try:
        document = orjson.loads(body)
    except ValueError:
        raise _invalid("The field DashboardBody must be a valid JSON object.") from None
    if not isinstance(document, dict) or not isinstance(document.get("widgets"), list):
        raise _invalid("The dashboard body is invalid: it must be an object with a list of widgets.")
    for number, widget in enumerate(document["widgets"]):
        if not isinstance(widget, dict) or "type" not in widget or not isinstance(widget.get("properties"), dict):
            raise _invalid(f"The dashboard body is invalid: /widgets/{number} must have a type and properties.")


@operations
def get_dashboard(call: Call, request: Params) -> Params:
    record = call.store.get(key(call, request["DashboardName"]))
    if record is None:
        raise _missing(request["DashboardName"])
    return {
        "DashboardName": record.name,
        "DashboardArn": arn(record.key),
        "DashboardBody": record.spec["DashboardBody"],
    }


@operations
def list_dashboards(call: Call, request: Params) -> Params:
    query = Query(call.account, "", KIND, name_prefix=request.get("DashboardNamePrefix"))
    try:
        page = call.store.list(query, limit=_PAGE, after=request.get("NextToken"))
    except ValueError:
        raise AwsError("InvalidNextToken", "The next token specified is invalid.") from None
    entries = [
        {
            "DashboardName": record.name,
            "DashboardArn": arn(record.key),
            "LastModified": record.modified,
            "Size": len(record.spec["DashboardBody"].encode()),
        }
        for record in page.records
    ]
    return {"DashboardEntries": entries, **({"NextToken": page.next} if page.next else {})}


@operations
def delete_dashboards(call: Call, request: Params) -> Params:
    """All of them or, when one is not there, none."""
    names = dict.fromkeys(request["DashboardNames"])
    for _ in attempts():
        found = [(name, call.store.get(key(call, name))) for name in names]
        missing = [name for name, record in found if record is None]
        if missing:
            raise _missing(missing[0])
        try:
            call.store.write([("delete", record) for _, record in found if record is not None])
            return {}
        except StaleRecord:
            continue
    raise AwsError("ConflictException", "The dashboards kept changing. Try again.")


def _missing(name: str) -> AwsError:
    return AwsError("ResourceNotFound", f"Dashboard {name} does not exist.", status=404)


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterInput", message)
