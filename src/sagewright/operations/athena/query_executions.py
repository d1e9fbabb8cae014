"""Query executions: start, look at, stop."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AlreadyExists
from sagewright.dataplane.athena import reuse
from sagewright.dataplane.athena.parsing import parse
from sagewright.dataplane.athena.prepared import carried_out, check
from sagewright.dataplane.athena.statements import Prepare, kinds
from sagewright.dataplane.athena.statements import Query as Select
from sagewright.dataplane.athena.tokens import Reader, SyntaxProblem
from sagewright.operations.access import caller
from sagewright.operations.athena import prepared_statements
from sagewright.operations.athena.requests import invalid, listed, page
from sagewright.operations.athena.workgroups import group_of
from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations, brief
from sagewright.resources.query_execution import CATALOG, ENGINE_VERSION, KIND, LIFE, PRIMARY
from sagewright.resources.record import Record
from sagewright.store.base import Query

operations = Operations()
_IDS: Final = uuid.UUID("5f0c8b1e-8a55-4b0f-9d0b-6f1f6a0d6f57")
"""Ids of queries with a token derive from it, so that a request that is sent again finds the first one's."""


@operations
def start_query_execution(call: Call, request: Params) -> Params:
    group = group_of(call, request.get("WorkGroup", PRIMARY))
    if group.state == "DISABLED":
        raise invalid(f"WorkGroup {group.name} is disabled.")

    def kept(name: str) -> str:
        return str(prepared_statements.find(call, group.name, name).spec["QueryStatement"])

    try:
        text = carried_out(request["QueryString"], request.get("ExecutionParameters", []), kept)
        statement = parse(text)
        if isinstance(statement, Prepare):
            check(statement.sql)
    except SyntaxProblem as problem:
        raise invalid(str(problem)) from None
    catalog = request.get("QueryExecutionContext", {}).get("Catalog", CATALOG)
    if catalog.lower() != CATALOG.lower():
        raise invalid(f"There is no data catalog {catalog}. Sagewright's Athena has {CATALOG}, which is Glue's.")
    token = request.get("ClientRequestToken")
    name = call.services.ids.uuid()
    if token is not None:
        name = str(uuid.uuid5(_IDS, f"{call.account}/{call.region}/{token}"))
    spec = {
        **{member: value for member, value in request.items() if member != "ClientRequestToken"},
        "WorkGroup": group.name,
        "OutputLocation": _output(group, request, name, statement),
        "types": list(kinds(statement)),
        "caller": caller.written(call.principal),
    }
    if Reader(request["QueryString"]).next.says("execute"):
        spec["prepared"] = text
    uid = call.services.ids.token()
    facets = {"WorkGroup": group.name, reuse.FACET: ""}
    if isinstance(statement, Select) and statement.kind == "SELECT":
        facets[reuse.FACET] = reuse.digest(spec, text)
    record = Record(call.key(KIND, name), uid.lower(), call.now, call.now, spec, state="QUEUED", facets=facets)
    try:
        call.store.create(record)
    except AlreadyExists:
        earlier = call.store.get(record.key)
        if earlier is None or earlier.spec["QueryString"] != request["QueryString"]:
            raise invalid("Idempotent parameters do not match: the token was used for another query.") from None
    return {"QueryExecutionId": name}


def _output(group: Record, request: Params, name: str, statement: object) -> str:
    """Where the result goes: the workgroup's place where it insists on it or the request has none."""
    config: Mapping[str, Any] = group.spec.get("Configuration", {})
    of_group = config.get("ResultConfiguration", {}).get("OutputLocation")
    asked = request.get("ResultConfiguration", {}).get("OutputLocation")
    enforced = config.get("EnforceWorkGroupConfiguration", False)
    location = of_group if of_group and (enforced or not asked) else asked
    if not location:
        raise invalid(
            "No output location provided. An output location is required either through the Workgroup result "
            "configuration setting or as an API input."
        )
    bucket = location.removeprefix("s3://").partition("/")[0]
    if not location.startswith("s3://") or not bucket:
        raise invalid(f"The output location {location} must be an S3 address: s3://bucket/prefix/.")
    if isinstance(statement, Select) and statement.kind not in ("SELECT", "CREATE_VIEW"):
        return f"{location.rstrip('/')}/{name}"
    suffix = ".csv" if isinstance(statement, Select) and statement.kind == "SELECT" else ".txt"
    return f"{location.rstrip('/')}/{name}{suffix}"


@operations
@brief
def get_query_execution(call: Call, request: Params) -> Params:
    return {"QueryExecution": view(find(call, request["QueryExecutionId"]))}


@operations
def batch_get_query_execution(call: Call, request: Params) -> Params:
    found, missing = [], []
    for name in request["QueryExecutionIds"]:
        record = call.store.get(call.key(KIND, name))
        if record is None:
            why = {"ErrorCode": "INTERNAL_FAILURE", "ErrorMessage": f"QueryExecution {name} was not found"}
            missing.append({"QueryExecutionId": name, **why})
        else:
            found.append(view(record))
    return {"QueryExecutions": found, "UnprocessedQueryExecutionIds": missing}


@operations
def list_query_executions(call: Call, request: Params) -> Params:
    group = group_of(call, request.get("WorkGroup", PRIMARY)).name
    query = Query(call.account, call.region, KIND, facets={"WorkGroup": group}, sort_by="created", descending=True)
    found = page(call, query, request)
    return listed("QueryExecutionIds", [record.name for record in found.records], found)


@operations
def stop_query_execution(call: Call, request: Params) -> Params:
    find(call, request["QueryExecutionId"])

    def stop(record: Record) -> Record | None:
        return None if record.state in LIFE.settled or record.intent == "stop" else replace(record, intent="stop")

    call.store.amend(call.key(KIND, request["QueryExecutionId"]), stop)
    return {}


def find(call: Call, name: str) -> Record:
    """Raises AwsError for one that is not there."""
    record = call.store.get(call.key(KIND, name))
    if record is None:
        raise invalid(f"QueryExecution {name} was not found")
    return record


def view(record: Record) -> Params:
    """As GetQueryExecution shows it."""
    spec, status = record.spec, record.status
    started, ended = status.get("started"), status.get("ended")
    queued = max((started or ended or record.created) - record.created, 0.0)
    ran = max(ended - started, 0.0) if started is not None and ended is not None else 0.0
    statistics = {
        "EngineExecutionTimeInMillis": int(ran * 1000),
        "DataScannedInBytes": status.get("scanned", 0),
        "TotalExecutionTimeInMillis": int((queued + ran) * 1000),
        "QueryQueueTimeInMillis": int(queued * 1000),
        "ServiceProcessingTimeInMillis": 0,
        "ResultReuseInformation": {"ReusedPreviousResult": "location" in status},
        **({"DataManifestLocation": status["manifest"]} if "manifest" in status else {}),
    }
    kind, sub_kind = spec["types"]
    state: dict[str, Any] = {"State": record.state, "SubmissionDateTime": record.created}
    if ended is not None:
        state["CompletionDateTime"] = ended
    if "StateChangeReason" in status:
        state["StateChangeReason"] = status["StateChangeReason"]
        state["AthenaError"] = {
            "ErrorCategory": 2,
            "ErrorType": 1,
            "Retryable": False,
            "ErrorMessage": state["StateChangeReason"],
        }
    context = {"Catalog": CATALOG.lower(), **spec.get("QueryExecutionContext", {})}
    asked = spec.get("ResultConfiguration", {})
    return {
        "QueryExecutionId": record.name,
        "Query": spec["QueryString"],
        "StatementType": kind,
        "SubstatementType": sub_kind,
        "ResultConfiguration": {**asked, "OutputLocation": location_of(record)},
        "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": reuse.told(spec) or {"Enabled": False}},
        "QueryExecutionContext": context,
        "Status": state,
        "Statistics": statistics,
        "WorkGroup": spec["WorkGroup"],
        "EngineVersion": {"SelectedEngineVersion": ENGINE_VERSION, "EffectiveEngineVersion": ENGINE_VERSION},
        **({"ExecutionParameters": spec["ExecutionParameters"]} if spec.get("ExecutionParameters") else {}),
    }


def location_of(record: Record) -> str:
    """Where the result lies: an earlier query's, where that is used again."""
    return str(record.status.get("location", record.spec["OutputLocation"]))
