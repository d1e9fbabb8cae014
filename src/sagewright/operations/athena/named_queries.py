"""Named queries: statements that are kept to be run again."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Final

from sagewright.base.errors import AlreadyExists, StaleRecord
from sagewright.operations.athena.requests import invalid, listed, page
from sagewright.operations.athena.workgroups import group_of
from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations, brief
from sagewright.resources.query_execution import NAMED_QUERY, PRIMARY
from sagewright.resources.record import Record
from sagewright.store.base import Query, attempts

operations = Operations()
_IDS: Final = uuid.UUID("0d2c5d0a-3a0b-4d42-8b34-1f2b8c6b0c11")


@operations
def create_named_query(call: Call, request: Params) -> Params:
    group = group_of(call, request.get("WorkGroup", PRIMARY)).name
    token = request.get("ClientRequestToken")
    name = call.services.ids.uuid() if token is None else str(uuid.uuid5(_IDS, f"{call.account}/{call.region}/{token}"))
    spec = {
        **{member: value for member, value in request.items() if member != "ClientRequestToken"},
        "WorkGroup": group,
    }
    key = call.key(NAMED_QUERY, name)
    record = Record(key, call.services.ids.token(), call.now, call.now, spec, facets={"WorkGroup": group})
    try:
        call.store.create(record)
    except AlreadyExists:
        earlier = call.store.get(key)
        if earlier is None or earlier.spec != spec:
            raise invalid("Idempotent parameters do not match: the token was used for another query.") from None
    return {"NamedQueryId": name}


@operations
@brief
def get_named_query(call: Call, request: Params) -> Params:
    return {"NamedQuery": _view(_find(call, request["NamedQueryId"]))}


@operations
def batch_get_named_query(call: Call, request: Params) -> Params:
    found, missing = [], []
    for name in request["NamedQueryIds"]:
        record = call.store.get(call.key(NAMED_QUERY, name))
        if record is None:
            missing.append({"NamedQueryId": name, "ErrorMessage": f"NamedQuery {name} was not found"})
        else:
            found.append(_view(record))
    return {"NamedQueries": found, "UnprocessedNamedQueryIds": missing}


@operations
def list_named_queries(call: Call, request: Params) -> Params:
    group = group_of(call, request.get("WorkGroup", PRIMARY)).name
    found = page(call, Query(call.account, call.region, NAMED_QUERY, facets={"WorkGroup": group}), request)
    return listed("NamedQueryIds", [record.name for record in found.records], found)


@operations
def update_named_query(call: Call, request: Params) -> Params:
    _find(call, request["NamedQueryId"])
    changed: dict[str, str] = {
        member: request[member] for member in ("Name", "Description", "QueryString") if member in request
    }

    def update(record: Record) -> Record:
        return replace(record, spec={**record.spec, **changed}, modified=call.now)

    call.store.amend(call.key(NAMED_QUERY, request["NamedQueryId"]), update)
    return {}


@operations
def delete_named_query(call: Call, request: Params) -> Params:
    for _ in attempts():
        try:
            call.store.delete(_find(call, request["NamedQueryId"]))
            return {}
        except StaleRecord:
            continue
    raise invalid("The named query kept changing. Try again.")


def _find(call: Call, name: str) -> Record:
    record = call.store.get(call.key(NAMED_QUERY, name))
    if record is None:
        raise invalid(f"NamedQuery {name} was not found")
    return record


def _view(record: Record) -> Params:
    return {**record.spec, "NamedQueryId": record.name}
