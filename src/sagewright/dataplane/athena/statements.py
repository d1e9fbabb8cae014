"""What a statement asks for. Queries are understood by who runs them; what changes or shows the catalog, here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sagewright.dataplane.iceberg.schemas import Transform

Column = tuple[str, str, str]
"""Name, type and comment ('' for none)."""
Place = tuple[str | None, str]
"""Database (None: that of the query) and name of a table."""


@dataclass(frozen=True, slots=True)
class Query:
    """SELECT and its like; with `target`, CREATE TABLE … AS, CREATE VIEW and what changes a table's rows; with
    `location`, UNLOAD."""

    sql: str
    kind: str = "SELECT"
    """SELECT, CREATE_TABLE_AS_SELECT, CREATE_VIEW, INSERT, UNLOAD; DELETE, UPDATE or MERGE, whose `sql` is the whole
    statement; OPTIMIZE, whose `sql` is its condition."""
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
    """CREATE EXTERNAL TABLE; with `iceberg`, CREATE TABLE of an Iceberg table."""

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
    iceberg: bool = False
    transforms: Sequence[Transform] = ()
    """What the partitions of an Iceberg table are told by."""


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
class Vacuum:
    """VACUUM."""

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
    """ALTER TABLE … ADD, REPLACE, CHANGE or DROP COLUMNS, SET LOCATION, SET or UNSET TBLPROPERTIES."""

    table: Place
    added: Sequence[Column] = ()
    replaced: Sequence[Column] = ()
    location: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    changed: tuple[str, Column] | None = None
    """The name of a column, and what it becomes."""
    dropped: str = ""
    unset: Sequence[str] = ()


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
    | Vacuum
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
    "DELETE": ("DML", "DELETE"),
    "UPDATE": ("DML", "UPDATE"),
    "MERGE": ("DML", "MERGE"),
    "OPTIMIZE": ("DML", "OPTIMIZE"),
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
        case Vacuum():
            return "DDL", "VACUUM"
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
    if statement.changed or statement.dropped:
        return "CHANGE_COLUMN" if statement.changed else "DROP_COLUMN"
    if statement.unset:
        return "UNSET_TBLPROPERTIES"
    return "SET_LOCATION" if statement.location else "SET_TBLPROPERTIES"
