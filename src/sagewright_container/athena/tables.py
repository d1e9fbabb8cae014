"""Tables of the catalog as views over their files.

A table's files lie in a folder of its own; those of partitions in folders `key=value` below it, the values escaped as
in addresses. `count` says how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sagewright_container.athena import iceberg, iceberg_metadata
from sagewright_container.athena.converting import READERS, converted
from sagewright_container.athena.errors import QueryError
from sagewright_container.athena.moments import snapshot_of
from sagewright_container.athena.types import from_hive, literal, quoted, schema_of

Table = Mapping[str, Any]
"""database, name, columns and partition_keys ([{Name, Type}]), format, options (of its serde), folder, count.

`injected` are the keys that a query has to name values of. What a query reads of an Iceberg table may also be
`metadata`, the name of one of its metadata tables; a `moment` of it; or all its rows with where they lie (`placed`). A
view has `query` and `means`, the database that it means where it names none, and once it is translated `select`."""


def create_view(connection: Any, table: Table, root: str) -> None:
    """Make the view `database.name` of a table or of a view of the catalog. Raises QueryError for a view whose query
    gives other columns by now."""
    name = view_of(table["database"], table.get("view", table["name"]))
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema_of(table['database']))}")
    if "select" in table:
        _check_view(connection, table)
        columns = ", ".join(quoted(each["Name"]) for each in table["columns"])
        connection.execute(f"CREATE VIEW {name} ({columns}) AS {table['select']}")
    else:
        connection.execute(f"CREATE VIEW {name} AS {_select(connection, table, root)}")


def view_of(database: str, name: str) -> str:
    """What a view is called."""
    return f"{quoted(schema_of(database))}.{quoted(name)}"


def _check_view(connection: Any, view: Table) -> None:
    found = len(connection.execute(f"DESCRIBE {view['select']}").fetchall())
    if found != len(view["columns"]):
        raise QueryError(
            f"VIEW_IS_STALE: View 'awsdatacatalog.{view['database']}.{view['name']}' was made with "
            f"{len(view['columns'])} columns, and its query gives {found} now. Make it again by CREATE OR REPLACE VIEW."
        )


def _select(connection: Any, table: Table, root: str) -> str:
    if table["format"] == "iceberg":
        return _select_iceberg(connection, table, root)
    columns, keys = table["columns"], table["partition_keys"]
    if not table["count"]:
        return f"SELECT {', '.join(_nothing(each) for each in (*columns, *keys))} WHERE false"
    folder = converted(connection, table, root) if table["format"] in READERS else f"{root}/{table['folder']}"
    where = literal(f"{folder}/{'*/' * len(keys)}*")
    if table["format"] == "json":
        return _select_json(connection, table, where)
    source = _SOURCES[table["format"]](table, where, _hive_options(keys))
    if table["format"] == "parquet" or table["format"] in READERS:
        there = {row[0].lower(): row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        shown = [_by_name(each, there) for each in columns]
    else:
        shown = [_from_text(each, table) for each in columns]
    return f"SELECT {', '.join([*shown, *_keys_of(keys)])} FROM {source}"


def _keys_of(keys: Sequence[Mapping[str, str]]) -> list[str]:
    return [f"CAST({quoted(key['Name'])} AS {from_hive(key['Type'])}) AS {quoted(key['Name'])}" for key in keys]


def _select_iceberg(connection: Any, table: Table, root: str) -> str:
    read = iceberg.Iceberg(table, root)
    if "metadata" in table:
        return _select_metadata(table, root, read)
    if table.get("moment") is not None:
        return iceberg.select_then(read, snapshot_of(connection, read, table["moment"]))
    return iceberg.select_now(read, placed=table.get("placed", False))


def _select_metadata(table: Table, root: str, read: iceberg.Iceberg) -> str:
    columns = iceberg_metadata.columns(read, table["metadata"])
    lines = list(iceberg_metadata.lines(read, table["metadata"]))
    if not lines:
        return (
            "SELECT "
            + ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in columns.items())
            + (" WHERE false")
        )
    target = Path(table["scratch"]) / f"{table['database']}.{table['view']}.json"
    target.write_text("\n".join(lines))
    told = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns.items())
    return f"SELECT * FROM read_json({literal(str(target))}, format='newline_delimited', columns={{{told}}})"


def _nothing(column: Mapping[str, str]) -> str:
    return f"CAST(NULL AS {from_hive(column['Type'])}) AS {quoted(column['Name'])}"


def _by_name(column: Mapping[str, str], there: Mapping[str, str]) -> str:
    """A column of a file that names its columns; NULL where it has none of that name."""
    found = there.get(column["Name"].lower())
    if found is None:
        return _nothing(column)
    return f"CAST({quoted(found)} AS {from_hive(column['Type'])}) AS {quoted(column['Name'])}"


def _from_text(column: Mapping[str, str], table: Table) -> str:
    """A column that the file has as text: what is none of its type is NULL."""
    kind, name = from_hive(column["Type"]), quoted(column["Name"])
    if kind == "VARCHAR":
        return f"{name} AS {name}"
    return f"TRY_CAST(nullif({name}, '') AS {kind}) AS {name}"


def _hive_options(keys: list[Mapping[str, str]]) -> str:
    if not keys:
        return "hive_partitioning=false"
    types = ", ".join(f"{literal(key['Name'])}: VARCHAR" for key in keys)
    return f"hive_partitioning=true, hive_types={{{types}}}"


def _parquet(_table: Table, where: str, hive: str) -> str:
    return f"read_parquet({where}, union_by_name=true, {hive})"


def _csv(table: Table, where: str, hive: str) -> str:
    """Fields between quotes, as OpenCSVSerde reads them; or plain fields between delimiters, as Hive does."""
    options = table["options"]
    columns = ", ".join(f"{literal(each['Name'])}: 'VARCHAR'" for each in table["columns"])
    quote, escape = ("", "") if table["format"] == "text" else (options.get("quote", '"'), options.get("escape", '"'))
    told = {
        "delim": literal(options.get("delimiter", ",")),
        "quote": literal(quote),
        "escape": literal(escape),
        "skip": str(int(options.get("skip", 0))),
        "nullstr": literal(options.get("null", "\\N")),
    }
    settings = ", ".join(f"{key}={value}" for key, value in told.items())
    return (
        f"read_csv({where}, columns={{{columns}}}, header=false, auto_detect=false, null_padding=true, "
        f"strict_mode=false, parallel=false, {settings}, {hive})"
    )


def _select_json(connection: Any, table: Table, where: str) -> str:
    """Keys are columns whatever their case; the table may say that a column has another key."""
    keys, options = table["partition_keys"], table["options"]
    ignored = f"ignore_errors={'true' if options.get('malformed') else 'false'}"
    objects = f"read_json_objects({where}, format='newline_delimited', {ignored}, hive_partitioning=false)"
    spelled: dict[str, list[str]] = {}
    there = f"SELECT DISTINCT unnest(json_keys(json)) AS key FROM {objects} WHERE json_type(json) = 'OBJECT' ORDER BY 1"
    for (key,) in connection.execute(there).fetchall():
        spelled.setdefault(key.lower(), []).append(key)
    columns, shown, several = [], [], any(len(each) > 1 for each in spelled.values())
    for each in table["columns"]:
        kind, name = from_hive(each["Type"]), each["Name"]
        found = spelled.get(options.get("keys", {}).get(name, name).lower(), [])
        columns += [f"{literal(key)}: {literal(kind)}" for key in found]
        values = [_extracted(key, kind) if several else quoted(key) for key in found]
        shown.append(f"coalesce({', '.join(values)}) AS {quoted(name)}" if found else _nothing(each))
    if several:  # DuckDB's own names are the same in either case
        source = objects.replace("hive_partitioning=false", _hive_options(keys))
    else:
        told = ", ".join(columns or ["'$none': 'VARCHAR'"])
        source = f"read_json({where}, format='newline_delimited', columns={{{told}}}, {ignored}, {_hive_options(keys)})"
    return f"SELECT {', '.join([*shown, *_keys_of(keys)])} FROM {source}"


def _extracted(key: str, kind: str) -> str:
    path = literal("$." + quoted(key))
    return f"(json ->> {path})" if kind == "VARCHAR" else f"CAST(json -> {path} AS {kind})"


_SOURCES: Final = {"parquet": _parquet, "csv": _csv, "text": _csv, "orc": _parquet, "avro": _parquet}


def check(table: Table) -> None:
    """Raises QueryError for a table whose files are not read here."""
    if table["format"] not in (*_SOURCES, "iceberg", "json"):
        raise QueryError(
            f"NOT_SUPPORTED: The table {table['database']}.{table['name']} is kept as {table['format']}. Sagewright's "
            "Athena reads Parquet, ORC, Avro, Iceberg, CSV, delimited text and JSON."
        )
