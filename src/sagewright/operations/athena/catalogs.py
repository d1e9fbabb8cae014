"""The data catalog, which is Glue's: its databases and tables as Athena shows them."""

from __future__ import annotations

import re
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.operations.access.caller import Caller
from sagewright.operations.athena.requests import invalid
from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations
from sagewright.resources.query_execution import CATALOG

operations = Operations()
_METADATA: Final = "MetadataException"


@operations
def list_data_catalogs(call: Call, request: Params) -> Params:
    return {"DataCatalogsSummary": [{"CatalogName": CATALOG, "Type": "GLUE", "Status": "CREATE_COMPLETE"}]}


@operations
def get_data_catalog(call: Call, request: Params) -> Params:
    _check(request["Name"])
    return {"DataCatalog": {"Name": CATALOG, "Type": "GLUE", "Parameters": {"catalog-id": call.account}}}


@operations
def list_databases(call: Call, request: Params) -> Params:
    _check(request["CatalogName"])
    answer = _ask(call, "GetDatabases", _paged(request))
    return _listed("DatabaseList", [_database(each) for each in answer["DatabaseList"]], answer)


@operations
def get_database(call: Call, request: Params) -> Params:
    _check(request["CatalogName"])
    return {"Database": _database(_ask(call, "GetDatabase", {"Name": request["DatabaseName"]})["Database"])}


@operations
def list_table_metadata(call: Call, request: Params) -> Params:
    _check(request["CatalogName"])
    asked = {"DatabaseName": request["DatabaseName"], **_paged(request)}
    if "Expression" in request:
        asked["Expression"] = request["Expression"]
    try:
        re.compile(request.get("Expression", ""))
    except re.error as error:
        raise invalid(f"The Expression is no regular expression: {error}.") from None
    answer = _ask(call, "GetTables", asked)
    return _listed("TableMetadataList", [_table(each) for each in answer["TableList"]], answer)


@operations
def get_table_metadata(call: Call, request: Params) -> Params:
    _check(request["CatalogName"])
    asked = {"DatabaseName": request["DatabaseName"], "Name": request["TableName"]}
    return {"TableMetadata": _table(_ask(call, "GetTable", asked)["Table"])}


def _check(name: str) -> None:
    if name.lower() != CATALOG.lower():
        raise invalid(f"There is no data catalog {name}. Sagewright's Athena has {CATALOG}, which is Glue's.")


def _ask(call: Call, operation: str, params: Params) -> Params:
    try:
        return Caller(call.services, call.principal, call.region).glue(operation, params)
    except AwsError as error:
        raise AwsError(_METADATA, error.message) from error


def _paged(request: Params) -> dict[str, Any]:
    return {member: request[member] for member in ("NextToken", "MaxResults") if member in request}


def _listed(member: str, shown: list[Params], answer: Params) -> Params:
    return {member: shown, **({"NextToken": answer["NextToken"]} if answer.get("NextToken") else {})}


def _database(found: Params) -> Params:
    return {
        "Name": found["Name"],
        "Parameters": found.get("Parameters", {}),
        **({"Description": found["Description"]} if found.get("Description") else {}),
    }


def _table(found: Params) -> Params:
    descriptor = found.get("StorageDescriptor", {})
    serde = descriptor.get("SerdeInfo", {})
    told = {
        "inputformat": descriptor.get("InputFormat"),
        "outputformat": descriptor.get("OutputFormat"),
        "location": descriptor.get("Location"),
        "serde.serialization.lib": serde.get("SerializationLibrary"),
    }
    parameters = {**found.get("Parameters", {}), **{key: value for key, value in told.items() if value}}
    parameters |= {f"serde.param.{key}": value for key, value in serde.get("Parameters", {}).items()}
    return {
        "Name": found["Name"],
        "TableType": found.get("TableType", "EXTERNAL_TABLE"),
        "Columns": descriptor.get("Columns", []),
        "PartitionKeys": found.get("PartitionKeys", []),
        "Parameters": parameters,
        **({"CreateTime": found["CreateTime"]} if "CreateTime" in found else {}),
    }
