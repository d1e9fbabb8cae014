"""What a statement asks for. Queries are understood by who runs them; what changes or shows the catalog, here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sagewright.dataplane.athena.tokens import Reader, SyntaxProblem

Column = tuple[str, str, str]
"""Name, type and comment ('' for none)."""
Place = tuple[str | None, str]
"""Database (None: that of the query) and name of a table."""


@dataclass(frozen=True, slots=True)
class Query:
    """SELECT and its like; with `target`, CREATE TABLE … AS, CREATE VIEW and INSERT INTO; with `location`, UNLOAD."""

    sql: str
    kind: str = "SELECT"
    """SELECT, CREATE_TABLE_AS_SELECT, CREATE_VIEW, INSERT or UNLOAD."""
    target: Place | None = None
    columns: Sequence[str] = ()
    """That an INSERT names."""
    options: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    """What WITH (…) says, by lower-case names."""
    location: str = ""
    quiet: bool = False
    """IF NOT EXISTS."""
    replaces: bool = False
    """OR REPLACE."""


@dataclass(frozen=True, slots=True)
class CreateDatabase:
    """CREATE DATABASE."""

    name: str
    quiet: bool
    comment: str = ""
    location: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CreateTable:
    """CREATE EXTERNAL TABLE."""

    table: Place
    quiet: bool
    columns: Sequence[Column]
    partitions: Sequence[Column] = ()
    comment: str = ""
    serde: str = ""
    serde_properties: Mapping[str, str] = field(default_factory=dict)
    stored_as: str = ""
    location: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drop:
    """DROP DATABASE, where `table` is None, DROP TABLE, or DROP VIEW."""

    database: str | None
    table: str | None
    quiet: bool
    cascade: bool = False
    view: bool = False


@dataclass(frozen=True, slots=True)
class Show:
    """SHOW DATABASES, TABLES, VIEWS, COLUMNS, PARTITIONS, TBLPROPERTIES, CREATE TABLE or VIEW; DESCRIBE."""

    what: str
    """In lower case: `databases`, …, `create_table`, `describe`."""
    table: Place = (None, "")
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Repair:
    """MSCK REPAIR TABLE."""

    table: Place


@dataclass(frozen=True, slots=True)
class AlterPartitions:
    """ALTER TABLE … ADD or DROP PARTITION: (values by key, location or '') of each."""

    table: Place
    add: bool
    quiet: bool
    partitions: Sequence[tuple[Mapping[str, str], str]]


@dataclass(frozen=True, slots=True)
class AlterTable:
    """ALTER TABLE … ADD or REPLACE COLUMNS, SET LOCATION, SET TBLPROPERTIES."""

    table: Place
    added: Sequence[Column] = ()
    replaced: Sequence[Column] = ()
    location: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prepare:
    """PREPARE … FROM."""

    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class Execute:
    """EXECUTE … USING: the values as they were written."""

    name: str
    values: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Deallocate:
    """DEALLOCATE PREPARE."""

    name: str


Statement = (
    Query
    | CreateDatabase
    | CreateTable
    | Drop
    | Show
    | Repair
    | AlterPartitions
    | AlterTable
    | Prepare
    | Execute
    | Deallocate
)

_KINDS: Final = {
    "SELECT": ("DML", "SELECT"),
    "CREATE_TABLE_AS_SELECT": ("DDL", "CREATE_TABLE_AS_SELECT"),
    "CREATE_VIEW": ("DDL", "CREATE_VIEW"),
    "INSERT": ("DML", "INSERT"),
    "UNLOAD": ("DML", "UNLOAD"),
}


def kinds(statement: Statement) -> tuple[str, str]:
    """StatementType and SubstatementType as GetQueryExecution tells them."""
    match statement:
        case Query():
            return _KINDS[statement.kind]
        case CreateDatabase():
            return "DDL", "CREATE_DATABASE"
        case CreateTable():
            return "DDL", "CREATE_TABLE"
        case Drop(table=None):
            return "DDL", "DROP_DATABASE"
        case Drop():
            return "DDL", "DROP_VIEW" if statement.view else "DROP_TABLE"
        case Repair():
            return "DDL", "MSCK_REPAIR_TABLE"
        case AlterPartitions():
            return "DDL", "ALTER_TABLE_ADD_PARTITION" if statement.add else "ALTER_TABLE_DROP_PARTITION"
        case AlterTable():
            return "DDL", f"ALTER_TABLE_{_altered(statement)}"
        case Prepare():
            return "DDL", "PREPARE"
        case Execute():
            return "DML", "EXECUTE"
        case Deallocate():
            return "DDL", "DEALLOCATE_PREPARE"
        case Show():
            described = statement.what == "describe"
            return ("UTILITY", "DESCRIBE_TABLE") if described else ("UTILITY", f"SHOW_{statement.what.upper()}")


def _altered(statement: AlterTable) -> str:
    if statement.added or statement.replaced:
        return "ADD_COLUMNS" if statement.added else "REPLACE_COLUMNS"
    return "SET_LOCATION" if statement.location else "SET_TBLPROPERTIES"


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
            found = Repair(place(reader))
            reader.end()
            return found
        case "alter":
            return _alter(reader)
        case "prepare" | "execute" | "deallocate":
            return _prepared(reader, first)
    raise _refused(first.upper())


def _refused(what: str) -> SyntaxProblem:
    return SyntaxProblem(
        f"NOT_SUPPORTED: Sagewright's Athena does not carry out {what}. It does SELECT, INSERT INTO, UNLOAD, CREATE "
        "TABLE AS, CREATE VIEW, CREATE DATABASE, CREATE EXTERNAL TABLE, DROP, ALTER TABLE (ADD or DROP PARTITION, ADD "
        "or REPLACE COLUMNS, SET LOCATION or TBLPROPERTIES), MSCK REPAIR TABLE, SHOW, DESCRIBE, PREPARE, EXECUTE and "
        "DEALLOCATE PREPARE."
    )


def place(reader: Reader) -> Place:
    """`table`, `database.table`, or the same behind the catalog's name. SHOW CREATE TABLE puts the whole in quotes."""
    path = reader.name().split(".")
    while reader.take("."):
        path.append(reader.name())
    if len(path) == 3 and path[0] == "awsdatacatalog":
        path = path[1:]
    if len(path) > 2:
        raise SyntaxProblem(f"CATALOG_NOT_FOUND: Catalog '{path[0]}' does not exist. There is AwsDataCatalog.")
    return (path[0], path[1]) if len(path) == 2 else (None, path[0])


def _create(reader: Reader) -> Statement:
    reader.want("create")
    if reader.take("database") or reader.take("schema"):
        return _create_database(reader)
    if reader.take("external", "table"):
        return _create_table(reader)
    replaces = reader.take("or", "replace")
    if reader.take("view"):
        view = place(reader)
        if not reader.take("as"):
            raise reader.unexpected("AS")
        return Query(reader.rest(), "CREATE_VIEW", view, replaces=replaces)
    if replaces or not reader.take("table"):
        raise _refused(f"CREATE {reader.next.text.upper()}")
    quiet = reader.take("if", "not", "exists")
    table = place(reader)
    options = _options(reader) if reader.take("with") else {}
    if not reader.take("as"):
        raise SyntaxProblem(
            "NOT_SUPPORTED: Sagewright's Athena makes tables by CREATE EXTERNAL TABLE and CREATE TABLE … AS SELECT; "
            "it has no Iceberg tables."
        )
    return Query(reader.rest(), "CREATE_TABLE_AS_SELECT", table, options=options, quiet=quiet)


def _insert(reader: Reader) -> Query:
    reader.want("insert", "into")
    table = place(reader)
    named = reader.next.says("(") and reader.words[reader.at + 1].text.lower() not in ("select", "with", "values")
    columns = reader.names() if named else []
    return Query(reader.rest(), "INSERT", table, columns)


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
    properties = _properties(reader) if reader.take("with", "dbproperties") else {}
    reader.end()
    return CreateDatabase(name, quiet, comment, location, properties)


def _create_table(reader: Reader) -> CreateTable:
    quiet = reader.take("if", "not", "exists")
    table = place(reader)
    columns = _columns(reader)
    told: dict[str, object] = {}
    while reader.next.kind != "end":
        if reader.take("comment"):
            told["comment"] = reader.string()
        elif reader.take("partitioned", "by"):
            told["partitions"] = _columns(reader)
        elif reader.take("row", "format", "serde"):
            told["serde"] = reader.string()
        elif reader.take("row", "format", "delimited"):
            told["serde_properties"] = _delimited(reader)
        elif reader.take("with", "serdeproperties"):
            told["serde_properties"] = _properties(reader)
        elif reader.take("stored", "as", "inputformat"):
            told["stored_as"] = reader.string()
            reader.want("outputformat")
            reader.string()
        elif reader.take("stored", "as"):
            told["stored_as"] = reader.name()
        elif reader.take("location"):
            told["location"] = reader.string()
        elif reader.take("tblproperties"):
            told["properties"] = _properties(reader)
        else:
            raise reader.unexpected("PARTITIONED BY, ROW FORMAT, STORED AS, LOCATION or TBLPROPERTIES")
    return CreateTable(table, quiet, columns, **told)  # type: ignore[arg-type]


_DELIMITERS: Final = (
    (("fields", "terminated", "by"), "field.delim"),
    (("escaped", "by"), "escape.delim"),
    (("lines", "terminated", "by"), "line.delim"),
    (("collection", "items", "terminated", "by"), "collection.delim"),
    (("map", "keys", "terminated", "by"), "mapkey.delim"),
    (("null", "defined", "as"), "serialization.null.format"),
)


def _delimited(reader: Reader) -> dict[str, str]:
    found: dict[str, str] = {}
    while True:
        key = next((key for words, key in _DELIMITERS if reader.take(*words)), None)
        if key is None:
            return found
        found[key] = _unescaped(reader.string())


_ESCAPED: Final = re.compile(r"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPES: Final = {"t": "\t", "n": "\n", "r": "\r", "0": "\0", "Z": "\x1a"}


def _unescaped(text: str) -> str:
    """A string of Hive's, where a backslash begins what cannot be written otherwise."""
    return _ESCAPED.sub(
        lambda found: chr(int(found[1], 8)) if len(found[1]) == 3 else _ESCAPES.get(found[1], found[1]), text
    )


def _columns(reader: Reader) -> list[Column]:
    reader.want("(")
    found = []
    while True:
        name, kind = reader.name(), _type(reader)
        found.append((name, kind, reader.string() if reader.take("comment") else ""))
        if not reader.take(","):
            reader.want(")")
            return found


def _type(reader: Reader) -> str:
    """The words of a type, up to a comma, bracket or COMMENT that ends it."""
    depth, text = 0, ""
    while True:
        token = reader.next
        if depth == 0 and (token.text in (",", ")") or token.says("comment") or token.kind == "end"):
            break
        depth += (token.text in ("<", "(")) - (token.text in (">", ")"))
        if token.kind == "end":
            raise reader.unexpected("the end of a type")
        text += token.text.lower()
        reader.at += 1
    if not text:
        raise reader.unexpected("a type")
    return "int" if text == "integer" else text


def _properties(reader: Reader) -> dict[str, str]:
    found: dict[str, str] = {}
    reader.want("(")
    while True:
        key = reader.property()
        reader.want("=")
        found[key] = _unescaped(reader.property())
        if not reader.take(","):
            reader.want(")")
            return found


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
    database, table = place(reader)
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
    table = place(reader)
    if what == "columns" and (reader.take("in") or reader.take("from")):
        table = reader.name(), table[1]
    reader.end()
    return Show(what, table)


def _describe(reader: Reader) -> Show:
    reader.at += 1
    if not reader.take("formatted"):
        reader.take("extended")
    table = place(reader)
    reader.end()
    return Show("describe", table)


def _alter(reader: Reader) -> AlterPartitions | AlterTable:
    reader.want("alter", "table")
    table = place(reader)
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
    (("add", "columns"), "added", _columns),
    (("replace", "columns"), "replaced", _columns),
    (("set", "location"), "location", Reader.string),
    (("set", "tblproperties"), "properties", _properties),
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
