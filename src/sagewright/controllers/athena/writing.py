"""What a query leaves: its result in S3, the files of the table that it writes, and the table in the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sagewright.base.errors import AwsError, Terminal
from sagewright.controllers.athena import formats, iceberg_changes, projection
from sagewright.controllers.athena.catalog import EXISTS, Catalog
from sagewright.controllers.athena.ports import Caller
from sagewright.controllers.staging import split_uri
from sagewright.dataplane.athena import views
from sagewright.dataplane.athena.statements import Query
from sagewright.resources.record import Record

Told = Mapping[str, Any]
_CTAS: Final = frozenset(
    {
        "format",
        "external_location",
        "partitioned_by",
        "write_compression",
        "parquet_compression",
        "field_delimiter",
        "table_type",
        "is_external",
    }
)
_UNLOADED: Final = {"orc": "zlib", "avro": ""}
"""How UNLOAD compresses unless it is told; gzip, if not said here."""
_UNLOAD: Final = frozenset({"format", "compression", "partitioned_by", "field_delimiter"})


def wanted(statement: Query, record: Record, catalog: Catalog, caller: Caller) -> dict[str, Any] | None:
    """The `output` that the toolkit is asked for, with `location`; None for a plain SELECT. Raises Terminal where the
    statement cannot be carried out."""
    options = statement.options
    match statement.kind:
        case "SELECT":
            return None
        case "INSERT" | "DELETE" | "UPDATE" | "MERGE" | "OPTIMIZE":
            assert statement.target is not None
            table = catalog.table(statement.target)
            if statement.kind == "INSERT" and not iceberg_changes.is_iceberg(table):
                return _into(statement, table)
            return iceberg_changes.wanted(statement.kind, table, record.name, statement.columns)
        case "CREATE_VIEW":
            _check_view(statement, catalog)
            return {"describe": True}
        case "UNLOAD":
            _known(options, _UNLOAD)
            location = statement.location
            form = str(options.get("format", "parquet")).lower()
            compression = options.get("compression", _UNLOADED.get(form, "gzip"))
        case _:
            assert statement.target is not None
            database, name = catalog.full(statement.target)
            if catalog.find(database, name) is not None:
                raise Terminal(f"TABLE_ALREADY_EXISTS: Table 'awsdatacatalog.{database}.{name}' already exists")
            if str(options.get("table_type", "hive")).lower() == "iceberg":
                default = f"{record.spec['OutputLocation'].rpartition('/')[0]}/tables/{record.name}"
                asked = iceberg_changes.wanted_new(options, (database, name), record.name, default)
                _empty(caller, asked["location"])
                return asked
            _known(options, _CTAS)
            formats.check_written(str(options.get("format", "parquet")))
            result = record.spec["OutputLocation"]
            default = f"{result.rpartition('/')[0]}/tables/{record.name}/"
            location = str(options.get("external_location", default))
            compression = options.get("write_compression", options.get("parquet_compression", ""))
    _empty(caller, location)
    return {
        "format": str(options.get("format", "parquet")).lower(),
        "compression": str(compression),
        "delimiter": str(options.get("field_delimiter", "\x01" if statement.kind != "UNLOAD" else ",")),
        "partitioned_by": [name.lower() for name in options.get("partitioned_by", ())],
        "location": f"{location.rstrip('/')}/",
    }


def _check_view(statement: Query, catalog: Catalog) -> None:
    assert statement.target is not None
    database, name = catalog.full(statement.target)
    there = catalog.find(database, name)
    if there is None:
        return
    if there.get("TableType") != views.KIND:
        raise Terminal(f"TABLE_ALREADY_EXISTS: 'awsdatacatalog.{database}.{name}' is a table, and no view.")
    if not statement.replaces:
        raise Terminal(f"TABLE_ALREADY_EXISTS: View already exists: 'awsdatacatalog.{database}.{name}'")


def enter_view(statement: Query, catalog: Catalog, outcome: Told) -> None:
    """The view into the catalog; it may be done again."""
    assert statement.target is not None
    database, name = catalog.full(statement.target)
    made = views.entry(name, views.View(statement.sql, catalog.database), outcome["columns"])
    operation = "CreateTable" if catalog.find(database, name) is None else "UpdateTable"
    catalog.ask(operation, DatabaseName=database, TableInput=made)


def _known(options: Mapping[str, object], known: frozenset[str]) -> None:
    unknown = sorted(set(options) - known)
    if unknown:
        raise Terminal(
            f"NOT_SUPPORTED: Sagewright's Athena does not know the property {unknown[0]} here. It knows "
            f"{', '.join(sorted(known))}."
        )


def _into(statement: Query, table: Told) -> dict[str, Any]:
    form, options = formats.of(table)
    if form not in ("parquet", "json", "text", "orc", "avro"):
        raise Terminal(
            f"NOT_SUPPORTED: The table is kept as {form}. Sagewright's Athena inserts into Parquet, ORC, Avro, JSON, "
            "text and Iceberg tables."
        )
    if projection.enabled(table) and "storage.location.template" in table["Parameters"]:
        raise Terminal(
            "NOT_SUPPORTED: The table says by storage.location.template where its partitions lie. Write their files "
            "yourself, by UNLOAD."
        )
    columns = [{"Name": each["Name"].lower(), "Type": each["Type"]} for each in table["StorageDescriptor"]["Columns"]]
    keys = [{"Name": each["Name"].lower(), "Type": each["Type"]} for each in table.get("PartitionKeys", ())]
    known = {each["Name"]: each for each in (*columns, *keys)}
    named = list(statement.columns)
    if named:
        absent = [name for name in named if name not in known]
        if absent:
            raise Terminal(f"COLUMN_NOT_FOUND: Insert column name does not exist in target table: {absent[0]}")
        if form in ("text", "orc") and named[: len(columns)] != [each["Name"] for each in columns]:
            raise Terminal(
                "NOT_SUPPORTED: Columns of a table of text or ORC are told by their places: insert all, in order."
            )
    return {
        "format": form,
        "delimiter": options.get("delimiter", "\x01"),
        "compression": "",
        "partitioned_by": [each["Name"] for each in keys],
        "columns": [known[name] for name in named] if named else [*columns, *keys],
        "location": f"{table['StorageDescriptor']['Location'].rstrip('/')}/",
    }


def _empty(caller: Caller, location: str) -> None:
    bucket, prefix = split_uri(location)
    prefix = f"{prefix.rstrip('/')}/"
    if any(size for _, size, _ in caller.list(bucket, prefix)):
        raise Terminal(
            f"HIVE_PATH_ALREADY_EXISTS: Target directory for table already exists: {location}. Choose another."
        )


def keep(
    statement: Query, record: Record, catalog: Catalog, caller: Caller, asked: Told, outcome: Told, data: Path
) -> str:
    """The files into S3 under names that derive from the query, so that it may be done again; then the catalog's
    entries. Returns where the manifest is."""
    location = asked["location"]
    bucket, prefix = split_uri(location)
    keys: Sequence[str] = asked["partitioned_by"]
    places, partitions = [], {}
    for number, each in enumerate(outcome["files"]):
        folder = "".join(f"{key}={quote(value, safe=' ')}/" for key, value in zip(keys, each["partition"], strict=True))
        key = f"{prefix}{folder}{record.name}_{number}{each['suffix']}"
        caller.put_file(bucket, key, data / each["path"])
        places.append(f"s3://{bucket}/{key}")
        if keys:
            partitions[tuple(each["partition"])] = f"{location}{folder}"
    result_bucket, result_key = split_uri(record.spec["OutputLocation"])
    manifest = f"{result_key}-manifest.csv"
    caller.put_bytes(result_bucket, manifest, "".join(f"{place}\n" for place in places).encode())
    if statement.target is not None:
        if statement.kind == "CREATE_TABLE_AS_SELECT":
            _create(statement, catalog, asked, outcome)
        table = catalog.table(statement.target)
        if partitions and not projection.enabled(table):
            catalog.add_partitions(table, [(list(values), place) for values, place in partitions.items()])
    return f"s3://{result_bucket}/{manifest}"


def _create(statement: Query, catalog: Catalog, asked: Told, outcome: Told) -> None:
    assert statement.target is not None
    database, name = catalog.full(statement.target)
    columns = [{"Name": each["Name"], "Type": each["hive"]} for each in outcome["columns"]]
    keys = [each for each in columns if each["Name"] in asked["partitioned_by"]]
    properties = {"field.delim": asked["delimiter"]} if asked["format"] in ("text", "textfile") else {}
    form = "textfile" if asked["format"] == "text" else asked["format"]
    described = formats.descriptor(
        form, asked["location"], [each for each in columns if each not in keys], properties=properties
    )
    made = {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "has_encrypted_data": "false"},
        "PartitionKeys": keys,
        "StorageDescriptor": described,
    }
    try:
        catalog.ask("CreateTable", DatabaseName=database, TableInput=made)
    except AwsError as error:
        there = catalog.find(database, name) if error.code == EXISTS else None
        # A killed server had come as far as this.
        if there is None or there["StorageDescriptor"].get("Location") != asked["location"]:
            raise
