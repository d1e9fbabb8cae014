"""How tables of the catalog say what their files hold, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sagewright.base.errors import Terminal
from sagewright.dataplane.athena import views

_HIVE: Final = "org.apache.hadoop.hive"
_TEXT_IN: Final = "org.apache.hadoop.mapred.TextInputFormat"
_TEXT_OUT: Final = f"{_HIVE}.ql.io.HiveIgnoreKeyTextOutputFormat"
LAZY: Final = f"{_HIVE}.serde2.lazy.LazySimpleSerDe"
_JSON: Final = "org.openx.data.jsonserde.JsonSerDe"
_PARQUET: Final = (
    f"{_HIVE}.ql.io.parquet.MapredParquetInputFormat",
    f"{_HIVE}.ql.io.parquet.MapredParquetOutputFormat",
    f"{_HIVE}.ql.io.parquet.serde.ParquetHiveSerDe",
)
_ORC: Final = (
    f"{_HIVE}.ql.io.orc.OrcInputFormat",
    f"{_HIVE}.ql.io.orc.OrcOutputFormat",
    f"{_HIVE}.ql.io.orc.OrcSerde",
)
_AVRO: Final = (
    f"{_HIVE}.ql.io.avro.AvroContainerInputFormat",
    f"{_HIVE}.ql.io.avro.AvroContainerOutputFormat",
    f"{_HIVE}.serde2.avro.AvroSerDe",
)
READ: Final = ("parquet", "csv", "text", "json", "orc", "avro")
"""Formats whose files the toolkit reads."""
_WRITTEN: Final = {
    "parquet": _PARQUET,
    "textfile": (_TEXT_IN, _TEXT_OUT, LAZY),
    "json": (_TEXT_IN, _TEXT_OUT, _JSON),
    "orc": _ORC,
    "avro": _AVRO,
}
_NAMED: Final = ("parquet", "orc", "avro")
"""Formats that a serde's name tells."""


def of(table: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """(format, options) of a table as the toolkit's `athena.tables` takes them; a format that it does not read is a
    word for people."""
    parameters = table.get("Parameters", {})
    if parameters.get("table_type", "").upper() == "ICEBERG":
        return "iceberg", {"document": parameters.get("metadata_location", "")}
    if table.get("TableType") == views.KIND:
        return "a view", {}
    descriptor = table["StorageDescriptor"]
    serde = descriptor.get("SerdeInfo", {})
    library, told = serde.get("SerializationLibrary", ""), serde.get("Parameters", {})
    options: dict[str, Any] = {}
    skip = parameters.get("skip.header.line.count", told.get("skip.header.line.count", ""))
    if skip.isdigit():
        options["skip"] = skip
    if "parquet" in library.lower():
        return "parquet", {}
    if library.endswith("OrcSerde"):
        return "orc", {"named": told.get("orc.column.index.access", "true").lower() == "false"}
    if library.endswith("AvroSerDe"):
        return "avro", {}
    if library.endswith("OpenCSVSerde"):
        names = {"separatorChar": "delimiter", "quoteChar": "quote", "escapeChar": "escape"}
        return "csv", options | {ours: told[theirs] for theirs, ours in names.items() if theirs in told}
    if library.endswith("LazySimpleSerDe"):
        options["delimiter"] = told.get("field.delim", told.get("serialization.format", "\x01"))
        if options["delimiter"] == "1":
            options["delimiter"] = "\x01"
        if "serialization.null.format" in told:
            options["null"] = told["serialization.null.format"]
        return "text", options
    if library.endswith("JsonSerDe"):
        malformed = told.get("ignore.malformed.json", "false").lower() == "true"
        keys = {name[8:].lower(): key for name, key in told.items() if name.startswith("mapping.")}
        return "json", {"malformed": malformed, "keys": keys}
    return library.rpartition(".")[2] or "an unknown format", {}


def check_written(form: str) -> None:
    """Raises Terminal for a format that no table here is kept in."""
    if form.lower() not in (*_WRITTEN, "text"):
        raise Terminal(
            "NOT_SUPPORTED: Sagewright's Athena keeps tables as PARQUET, ORC, AVRO, JSON and TEXTFILE, not as "
            f"{form.upper()}."
        )


def descriptor(
    form: str,
    location: str,
    columns: list[dict[str, str]],
    *,
    serde: str = "",
    properties: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A StorageDescriptor. `form` is parquet, orc, avro, textfile or json, or an input format's name where `serde` says
    more. Raises Terminal for others."""
    form = next((name for name in _NAMED if name in form.lower() or name in serde.lower()), form)
    if not serde:
        check_written(form)
    reads, writes, library = _WRITTEN.get(form.lower(), _WRITTEN["textfile"])
    return {
        "Columns": columns,
        "Location": location,
        "InputFormat": reads,
        "OutputFormat": writes,
        "SerdeInfo": {"SerializationLibrary": serde or library, "Parameters": dict(properties or {})},
    }
