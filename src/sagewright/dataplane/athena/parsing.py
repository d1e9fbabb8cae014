"""From the text of a statement to what it asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sagewright.dataplane.athena import table_definitions as tables
from sagewright.dataplane.athena.statements import (
    AlterPartitions,
    AlterTable,
    CreateDatabase,
    Deallocate,
    Drop,
    Execute,
    Prepare,
    Query,
    Repair,
    Show,
    Statement,
    Vacuum,
)
from sagewright.dataplane.athena.tokens import Reader, SyntaxProblem


def parse(text: str) -> Statement:
    """Raises SyntaxProblem for what cannot be read or is not carried out, with a sentence for who asked."""
    reader = Reader(text)
    if reader.next.kind == "end":
        raise SyntaxProblem("SYNTAX_ERROR: The statement is empty.")
    first = reader.next.text.lower()
    if first in ("select", "with", "values", "(", "table"):
        return Query(reader.rest())
    match first:
        case "create":
            return _create(reader)
        case "insert":
            return _insert(reader)
        case "unload":
            return _unload(reader)
        case "drop":
            return _drop(reader)
        case "show":
            return _show(reader)
        case "describe" | "desc":
            return _describe(reader)
        case "msck":
            reader.want("msck", "repair", "table")
            found = Repair(tables.place(reader))
            reader.end()
            return found
        case "delete" | "update" | "merge":
            return _changing(reader, first)
        case "optimize":
            return _optimize(reader)
        case "vacuum":
            reader.want("vacuum")
            vacuum = Vacuum(tables.place(reader))
            reader.end()
            return vacuum
        case "alter":
            return _alter(reader)
        case "prepare" | "execute" | "deallocate":
            return _prepared(reader, first)
    raise _refused(first.upper())


def _refused(what: str) -> SyntaxProblem:
    return SyntaxProblem(
        f"NOT_SUPPORTED: Sagewright's Athena does not carry out {what}. It does SELECT, INSERT INTO, UNLOAD, CREATE "
        "TABLE AS, CREATE VIEW, CREATE DATABASE, CREATE EXTERNAL TABLE, DROP, ALTER TABLE (ADD or DROP PARTITION, ADD "
        "or REPLACE COLUMNS, CHANGE or DROP COLUMN, SET LOCATION or TBLPROPERTIES), MSCK REPAIR TABLE, SHOW, DESCRIBE, "
        "PREPARE, EXECUTE and DEALLOCATE PREPARE; of Iceberg tables also CREATE TABLE, DELETE, UPDATE, MERGE INTO, "
        "OPTIMIZE and VACUUM."
    )


def _create(reader: Reader) -> Statement:
    reader.want("create")
    if reader.take("database") or reader.take("schema"):
        return _create_database(reader)
    if reader.take("external", "table"):
        return tables.create_table(reader)
    replaces = reader.take("or", "replace")
    if reader.take("view"):
        view = tables.place(reader)
        if not reader.take("as"):
            raise reader.unexpected("AS")
        return Query(reader.rest(), "CREATE_VIEW", view, replaces=replaces)
    if replaces or not reader.take("table"):
        raise _refused(f"CREATE {reader.next.text.upper()}")
    start = reader.at
    quiet = reader.take("if", "not", "exists")
    table = tables.place(reader)
    if reader.next.says("("):
        reader.at = start
        return tables.create_table(reader, iceberg=True)
    options = _options(reader) if reader.take("with") else {}
    if not reader.take("as"):
        raise SyntaxProblem(
            "NOT_SUPPORTED: Sagewright's Athena makes tables by CREATE EXTERNAL TABLE, CREATE TABLE … AS SELECT, and "
            "CREATE TABLE … (…) TBLPROPERTIES ('table_type'='ICEBERG')."
        )
    return Query(reader.rest(), "CREATE_TABLE_AS_SELECT", table, options=options, quiet=quiet)


def _insert(reader: Reader) -> Query:
    reader.want("insert", "into")
    table = tables.place(reader)
    named = reader.next.says("(") and reader.words[reader.at + 1].text.lower() not in ("select", "with", "values")
    columns = reader.names() if named else []
    return Query(reader.rest(), "INSERT", table, columns)


def _changing(reader: Reader, first: str) -> Query:
    """DELETE FROM, UPDATE, MERGE INTO: understood by who carries it out, but for the table."""
    sql = reader.rest()
    reader.want(first, *{"delete": ["from"], "merge": ["into"]}.get(first, []))
    return Query(sql, first.upper(), tables.place(reader))


def _optimize(reader: Reader) -> Query:
    reader.want("optimize")
    table = tables.place(reader)
    reader.want("rewrite", "data", "using", "bin_pack")
    where = reader.take("where")
    if not where:
        reader.end()
    elif reader.next.kind == "end":
        raise reader.unexpected("a condition")
    return Query(reader.rest() if where else "", "OPTIMIZE", table)


def _unload(reader: Reader) -> Query:
    reader.want("unload")
    reader.want("(")
    start, depth = reader.next.start, 1
    while depth:
        if reader.next.kind == "end":
            raise reader.unexpected(")")
        depth += reader.next.says("(") - reader.next.says(")")
        reader.at += 1
    sql = reader.statement[start : reader.words[reader.at - 1].start]
    reader.want("to")
    location = reader.string()
    reader.want("with")
    options = _options(reader)
    reader.end()
    return Query(sql, "UNLOAD", options=options, location=location)


def _options(reader: Reader) -> dict[str, str | Sequence[str]]:
    """(name = 'text' | number | ARRAY['a', …] | true, …)"""
    found: dict[str, str | Sequence[str]] = {}
    reader.want("(")
    while True:
        name = reader.name()
        reader.want("=")
        if reader.take("array"):
            reader.want("[")
            values: list[str] = []
            while not reader.take("]"):
                values.append(reader.string())
                reader.take(",")
            found[name] = values
        elif reader.next.kind in ("string", "number", "word"):
            found[name] = reader.next.text
            reader.at += 1
        else:
            raise reader.unexpected("a value")
        if not reader.take(","):
            reader.want(")")
            return found


def _create_database(reader: Reader) -> CreateDatabase:
    quiet = reader.take("if", "not", "exists")
    name = reader.name()
    comment = reader.string() if reader.take("comment") else ""
    location = reader.string() if reader.take("location") else ""
    properties = tables.properties_of(reader) if reader.take("with", "dbproperties") else {}
    reader.end()
    return CreateDatabase(name, quiet, comment, location, properties)


def _drop(reader: Reader) -> Drop:
    reader.want("drop")
    if reader.take("database") or reader.take("schema"):
        quiet = reader.take("if", "exists")
        name = reader.name()
        cascade = reader.take("cascade")
        reader.take("restrict")
        reader.end()
        return Drop(name, None, quiet, cascade)
    view = reader.take("view")
    if not view and not reader.take("table"):
        raise _refused(f"DROP {reader.next.text.upper()}")
    quiet = reader.take("if", "exists")
    database, table = tables.place(reader)
    reader.end()
    return Drop(database, table, quiet, view=view)


def _show(reader: Reader) -> Show:
    reader.want("show")
    what = reader.name()
    what = "databases" if what == "schemas" else what
    if what in ("databases", "tables", "views"):
        database = reader.name() if what != "databases" and (reader.take("in") or reader.take("from")) else None
        reader.take("like")
        pattern = reader.string() if reader.next.kind == "string" else ""
        reader.end()
        return Show(what, (database, ""), pattern)
    if what == "columns":
        if not reader.take("in"):
            reader.want("from")
    elif what == "create" and (reader.next.says("table") or reader.next.says("view")):
        what = f"create_{reader.name()}"
    elif what not in ("partitions", "tblproperties"):
        raise _refused(f"SHOW {what.upper()}")
    table = tables.place(reader)
    if what == "columns" and (reader.take("in") or reader.take("from")):
        table = reader.name(), table[1]
    reader.end()
    return Show(what, table)


def _describe(reader: Reader) -> Show:
    reader.at += 1
    if not reader.take("formatted"):
        reader.take("extended")
    table = tables.place(reader)
    reader.end()
    return Show("describe", table)


def _alter(reader: Reader) -> AlterPartitions | AlterTable:
    reader.want("alter", "table")
    table = tables.place(reader)
    for words, member, read in _ALTERS:
        if reader.take(*words):
            altered = AlterTable(table, **{member: read(reader)})  # type: ignore[arg-type]
            reader.end()
            return altered
    if reader.take("add"):
        add, quiet = True, reader.take("if", "not", "exists")
    elif reader.take("drop"):
        add, quiet = False, reader.take("if", "exists")
    else:
        raise _refused(f"ALTER TABLE … {reader.next.text.upper()}")
    found = []
    while reader.take("partition"):
        values: dict[str, str] = {}
        reader.want("(")
        while True:
            key = reader.name()
            reader.want("=")
            if reader.next.kind not in ("string", "number"):
                raise reader.unexpected("a value")
            values[key] = reader.next.text
            reader.at += 1
            if not reader.take(","):
                break
        reader.want(")")
        found.append((values, reader.string() if reader.take("location") else ""))
        reader.take(",")
    if not found:
        raise reader.unexpected("PARTITION")
    reader.end()
    return AlterPartitions(table, add, quiet, found)


_ALTERS: Final[Sequence[tuple[Sequence[str], str, Callable[[Reader], object]]]] = (
    (("add", "columns"), "added", tables.columns_of),
    (("replace", "columns"), "replaced", tables.columns_of),
    (("set", "location"), "location", Reader.string),
    (("set", "tblproperties"), "properties", tables.properties_of),
    (("unset", "tblproperties"), "unset", tables.property_names),
    (("change", "column"), "changed", tables.change_of),
    (("change",), "changed", tables.change_of),
    (("drop", "column"), "dropped", Reader.name),
)


def _prepared(reader: Reader, first: str) -> Prepare | Execute | Deallocate:
    reader.at += 1
    if first == "deallocate":
        reader.want("prepare")
    name = reader.plain_name()
    match first:
        case "prepare":
            reader.want("from")
            return Prepare(name, reader.rest())
        case "deallocate":
            reader.end()
            return Deallocate(name)
    if not reader.take("using"):
        reader.end()
        return Execute(name)
    return Execute(name, reader.pieces())
