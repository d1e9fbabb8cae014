"""Carries a query out: views over the tables that it reads, its result as a file or files, and how it went.

What it is told is in `input/query.json` of its folder: `query`, `database`, `tables` (see `tables`), `refused` (why
tables may not be read, by `database.name`), `memory` (bytes), `threads`, `target` (what is written to), and `output`
for one that writes a table: format, compression, delimiter, partitioned_by, columns ([{Name, Type}] of the table that
is written to); or `describe`, for one that becomes a view.

It leaves `output/outcome.json`: `error`, a sentence; or `columns`, `rows`, and `files`, what it wrote, with the values
of their partitions. A result is `output/result.csv`; the files of a table are below `output/data`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import duckdb  # type: ignore[import-not-found]

from sagewright_container.athena import changing, columnar, tables
from sagewright_container.athena.errors import QueryError
from sagewright_container.athena.functions import MACROS
from sagewright_container.athena.translate import UNNAMED, translate
from sagewright_container.athena.types import WIDE, described, from_hive, literal, quoted, text_of, trino_name
from sagewright_container.athena.used import Used

Told = Mapping[str, Any]
_NULL_PARTITION: Final = "__HIVE_DEFAULT_PARTITION__"
_COMPRESSIONS: Final = {"parquet": ("snappy", "gzip", "zstd", "uncompressed"), "text": ("gzip", "none")}


def main(folder: Path = Path("/opt/ml")) -> int:
    """Exit code 0 also where the query fails: the outcome says so."""
    told = json.loads((folder / "input/query.json").read_text())
    output = folder / "output"
    output.mkdir(exist_ok=True)
    try:
        outcome = carry_out(told, str(folder / "input/tables"), output)
    except QueryError as error:
        outcome = {"error": str(error)}
    except duckdb.Error as error:
        outcome = {"error": _said(error)}
    place = output / "outcome.json"
    place.with_suffix(".new").write_text(json.dumps(outcome))
    os.replace(place.with_suffix(".new"), place)
    return 0


def carry_out(told: Told, root: str, output: Path) -> dict[str, Any]:
    """Raises QueryError and DuckDB's errors."""
    spill = output / "spill"
    spill.mkdir(exist_ok=True)
    used = Used(told, spill)
    changes = bool((told.get("output") or {}).get("change"))
    made = changing.plan(told, used, root) if changes else None
    query = translate(told["query"], told["database"], used.resolve) if made is None else ""
    connection = _open(told, root, output)
    for table in used.tables.values():
        tables.create_view(connection, table, root)
    connection.execute("SET lock_configuration=true")
    if made is not None:
        return changing.carry_out(connection, told, used, made, root, output)
    names = [row[0] for row in connection.execute(f"DESCRIBE {query}").fetchall()]
    if _describes(told):
        return {"columns": _columns_of_view(connection, query, names), "rows": 0, "files": ()}
    connection.execute(f"CREATE TEMP TABLE result AS {query}")
    found = connection.execute("SELECT * FROM result LIMIT 0").description
    connection.fetchall()  # a result that is not read to its end keeps others from being read
    columns = [
        {"Name": _shown(name, number), "inner": inner, "kind": kind}
        for number, (name, (inner, kind, *_)) in enumerate(zip(names, found, strict=True))
    ]
    counted = connection.execute("SELECT count(*) FROM result").fetchall()[0][0]
    files: Sequence[Any] = ()
    if told.get("output") is None:
        _write_result(connection, columns, output / "result.csv")
    else:
        files = _write_table(connection, columns, told["output"], output / "data")
    about = [{"Name": each["Name"], **described(each["kind"])} for each in columns]
    return {"columns": about, "rows": counted, "files": files}


def _describes(told: Told) -> bool:
    """Whether the query is a view's, and only its columns are asked for."""
    return bool((told.get("output") or {}).get("describe"))


def _columns_of_view(connection: Any, query: str, names: Sequence[str]) -> list[dict[str, Any]]:
    for number, name in enumerate(names, 1):
        if name.startswith(UNNAMED):
            raise QueryError(f"MISSING_COLUMN_NAME: Column name not specified at position {number}: name it with AS.")
    if len({name.lower() for name in names}) < len(names):
        raise QueryError("DUPLICATE_COLUMN_NAME: Two columns of the view have the same name: name them apart with AS.")
    found = connection.execute(f"SELECT * FROM ({query}) LIMIT 0").description
    return [
        {"Name": name.lower(), **described(kind), "trino": trino_name(kind)}
        for name, (_, kind, *_) in zip(names, found, strict=True)
    ]


def _open(told: Told, root: str, output: Path) -> Any:
    """A database in memory that reaches the tables' files and its own output, and nothing else."""
    spill = output / "spill"
    connection = duckdb.connect(":memory:")
    places = ", ".join(literal(f"{place}/") for place in (root, str(output)))
    for statement in (
        f"SET memory_limit='{told['memory']}B'",
        f"SET threads={told['threads']}",
        f"SET temp_directory={literal(str(spill))}",
        f"SET allowed_directories=[{places}]",
        "SET enable_external_access=false",
        "SET autoinstall_known_extensions=false",
        "SET integer_division=true",
        "SET parquet_metadata_cache=true",  # the files' ends are asked for by views, plans and the query
        "SET TimeZone='UTC'",
        *(f"CREATE MACRO {name}{text}" for name, text in MACROS.items()),
    ):
        connection.execute(statement)
    return connection


def _shown(name: str, number: int) -> str:
    return f"_col{number}" if name.startswith(UNNAMED) else name.lower()


def _write_result(connection: Any, columns: Sequence[Told], target: Path) -> None:
    """As Athena writes it: a header, every value between quotes, NULL as nothing at all."""
    header = ",".join(quoted(each["Name"]) for each in columns)
    shown = ", ".join(
        f"{text_of(quoted(each['inner']), each['kind'])} AS c{number}" for number, each in enumerate(columns)
    )
    body = target.with_suffix(".body")
    connection.execute(
        f"COPY (SELECT {shown} FROM result) TO {literal(str(body))} "
        "(FORMAT csv, HEADER false, FORCE_QUOTE *, NULLSTR '')"
    )
    with target.open("wb") as file, body.open("rb") as rows:
        file.write(header.encode() + b"\n")
        while piece := rows.read(1 << 20):
            file.write(piece)
    body.unlink()


def _write_table(connection: Any, columns: Sequence[Told], asked: Told, folder: Path) -> list[dict[str, Any]]:
    """The result as files of a table; those of partitions in folders of their values."""
    folder.mkdir(exist_ok=True)
    keys = [name.lower() for name in asked.get("partitioned_by", ())]
    shown = _cast(columns, asked.get("columns"))
    names = [name for name, _ in shown]
    if keys and names[-len(keys) :] != keys:
        raise QueryError(f"SYNTAX_ERROR: The columns {', '.join(keys)} must come last in the query, in this order.")
    if len(set(names)) != len(names):
        raise QueryError("SYNTAX_ERROR: Two columns of the query have the same name: name them apart with AS.")
    select = f"SELECT {', '.join(f'{text} AS {quoted(name)}' for name, text in shown)} FROM result"
    if not connection.execute("SELECT count(*) FROM result").fetchall()[0][0]:
        return []
    if asked["format"].lower() in columnar.WRITERS:
        return columnar.write(connection, select, asked, folder)
    options, suffix = _format(asked)
    if keys:
        options += f", PARTITION_BY ({', '.join(map(quoted, keys))})"
        target = folder
    else:
        target = folder / f"0{suffix}"
    connection.execute(f"COPY ({select}) TO {literal(str(target))} ({options})")
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        {"path": str(path.relative_to(folder)), "partition": _values(path, folder), "suffix": suffix} for path in found
    ]


def _cast(columns: Sequence[Told], wanted: Sequence[Mapping[str, str]] | None) -> list[tuple[str, str]]:
    """(name, expression) of each column: in the types of the table that is written to, or in its own."""
    if wanted is None:
        return [
            (
                each["Name"],
                f"CAST({quoted(each['inner'])} AS BIGINT)" if str(each["kind"].id) in WIDE else quoted(each["inner"]),
            )
            for each in columns
        ]
    if len(wanted) != len(columns):
        raise QueryError(
            f"TYPE_MISMATCH: The query gives {len(columns)} columns, and the table takes {len(wanted)}: name those "
            "that are meant."
        )
    return [
        (
            column["Name"].lower(),
            f"CAST({quoted(each['inner'])} AS {from_hive(column['Type'])})",
        )
        for column, each in zip(wanted, columns, strict=True)
    ]


def _format(asked: Told) -> tuple[str, str]:
    """Options of COPY, and how the names of files end."""
    form, compression = asked["format"].lower(), asked.get("compression", "").lower()
    allowed = _COMPRESSIONS["parquet" if form == "parquet" else "text"]
    compression = "none" if form != "parquet" and compression in ("", "uncompressed") else compression or allowed[0]
    if compression not in allowed:
        raise QueryError(
            f"NOT_SUPPORTED: {form} is written with the compressions {', '.join(allowed)}, not {compression}."
        )
    packed = ".gz" if compression == "gzip" else ""
    match form:
        case "parquet":
            return f"FORMAT parquet, COMPRESSION {compression}", ".parquet"
        case "json":
            return f"FORMAT json, COMPRESSION {compression}", f".json{packed}"
        case "csv" | "text" | "textfile":
            delimiter = literal(asked.get("delimiter", ","))
            quoting = ", FORCE_QUOTE *, NULLSTR ''" if form == "csv" else ", QUOTE '', ESCAPE '', NULLSTR '\\N'"
            return (
                f"FORMAT csv, HEADER false, DELIMITER {delimiter}, COMPRESSION {compression}{quoting}",
                f".csv{packed}",
            )
    raise QueryError(f"NOT_SUPPORTED: Sagewright's Athena writes PARQUET, ORC, AVRO, JSON and TEXTFILE, not {form}.")


def _values(path: Path, folder: Path) -> list[str]:
    """The values of the partition that a file is of."""
    return [unquote(part.partition("=")[2]) for part in path.relative_to(folder).parts[:-1]]


def _said(error: duckdb.Error) -> str:
    """DuckDB's own words under a name that Athena has for such errors."""
    kind = type(error).__name__
    words = str(error).split("\n\n")[0].split("\nLINE")[0].strip()
    if kind == "OutOfMemoryException":
        return f"EXCEEDED_MEMORY_LIMIT: The query needs more memory than it may have. {words}"
    if kind == "BinderException":
        found = "COLUMN_NOT_FOUND" if "not found" in words else "TYPE_MISMATCH"
        return f"{found}: {words}"
    names = {
        "CatalogException": "FUNCTION_NOT_FOUND",
        "ParserException": "SYNTAX_ERROR",
        "ConversionException": "INVALID_CAST_ARGUMENT",
        "OutOfRangeException": "NUMERIC_VALUE_OUT_OF_RANGE",
    }
    return f"{names.get(kind, 'GENERIC_USER_ERROR')}: {words}"
