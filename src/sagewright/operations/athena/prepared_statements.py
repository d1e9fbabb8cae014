"""Prepared statements: queries with question marks, kept in a workgroup under a name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sagewright.base.errors import AlreadyExists, AwsError, StaleRecord
from sagewright.dataplane.athena.prepared import check
from sagewright.dataplane.athena.tokens import SyntaxProblem
from sagewright.operations.athena.requests import invalid, listed, page
from sagewright.operations.athena.workgroups import group_of
from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations, brief
from sagewright.resources.query_execution import PREPARED
from sagewright.resources.record import Record
from sagewright.store.base import Query, attempts

operations = Operations()


@operations
def create_prepared_statement(call: Call, request: Params) -> Params:
    group, name = group_of(call, request["WorkGroup"]).name, request["StatementName"]
    spec = _spec(request)
    key = call.key(PREPARED, name, group)
    try:
        call.store.create(Record(key, call.services.ids.token(), call.now, call.now, spec))
    except AlreadyExists:
        raise invalid(f"Prepared statement {name} already exists in WorkGroup {group}.") from None
    return {}


def _spec(request: Params) -> dict[str, Any]:
    try:
        check(request["QueryStatement"])
    except SyntaxProblem as problem:
        raise invalid(str(problem)) from None
    return {member: request[member] for member in ("QueryStatement", "Description") if member in request}


@operations
@brief
def get_prepared_statement(call: Call, request: Params) -> Params:
    return {"PreparedStatement": _view(find(call, request["WorkGroup"], request["StatementName"]))}


@operations
def batch_get_prepared_statement(call: Call, request: Params) -> Params:
    found, missing = [], []
    for name in request["PreparedStatementNames"]:
        record = call.store.get(call.key(PREPARED, name, request["WorkGroup"]))
        if record is None:
            why = {"ErrorCode": "STATEMENT_NOT_FOUND", "ErrorMessage": f"PreparedStatement {name} was not found"}
            missing.append({"StatementName": name, **why})
        else:
            found.append(_view(record))
    return {"PreparedStatements": found, "UnprocessedPreparedStatementNames": missing}


@operations
def list_prepared_statements(call: Call, request: Params) -> Params:
    group = group_of(call, request["WorkGroup"]).name
    found = page(call, Query(call.account, call.region, PREPARED, parent=group), request)
    shown = [{"StatementName": each.name, "LastModifiedTime": each.modified} for each in found.records]
    return listed("PreparedStatements", shown, found)


@operations
def update_prepared_statement(call: Call, request: Params) -> Params:
    record = find(call, request["WorkGroup"], request["StatementName"])
    spec = _spec(request)
    call.store.amend(record.key, lambda there: replace(there, spec={**there.spec, **spec}, modified=call.now))
    return {}


@operations
def delete_prepared_statement(call: Call, request: Params) -> Params:
    for _ in attempts():
        try:
            call.store.delete(find(call, request["WorkGroup"], request["StatementName"]))
            return {}
        except StaleRecord:
            continue
    raise invalid("The prepared statement kept changing. Try again.")


def find(call: Call, group: str, name: str) -> Record:
    """Raises AwsError for one that is not there."""
    record = call.store.get(call.key(PREPARED, name, group))
    if record is None:
        raise AwsError("ResourceNotFoundException", f"PreparedStatement {name} was not found in WorkGroup {group}")
    return record


def _view(record: Record) -> Params:
    named = {"StatementName": record.name, "WorkGroupName": record.key.parent}
    return {**record.spec, **named, "LastModifiedTime": record.modified}
