"""Columns and partitions of Iceberg tables, from the words of Glue's catalog and back, and how they change."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sagewright.dataplane.iceberg.commits import BadTable, Metadata, Written, current_schema, document

_FROM_HIVE: Final = {
    "boolean": "boolean",
    "int": "int",
    "integer": "int",
    "bigint": "long",
    "long": "long",
    "float": "float",
    "double": "double",
    "date": "date",
    "time": "time",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
    "string": "string",
    "uuid": "uuid",
    "binary": "binary",
}
_TO_HIVE: Final = {"long": "bigint", "timestamptz": "timestamp", "time": "string", "uuid": "string"}
_WIDER: Final = {("int", "long"), ("float", "double")}
_FIRST: Final = 1000
"""The number of a table's first partition field."""

Column = tuple[str, str, str]
"""Name, type in the catalog's words, and comment."""


class Transform(NamedTuple):
    """What partitions are told by."""

    name: str
    """identity, year, month, day, hour, bucket or truncate."""
    column: str
    number: int | None = None

    @classmethod
    def read(cls, text: str, column: str) -> Transform:
        """Of what `text` gives."""
        name, _, number = text.rstrip("]").partition("[")
        return cls(name, column, int(number) if number else None)

    @property
    def text(self) -> str:
        return self.name if self.number is None else f"{self.name}[{self.number}]"

    @property
    def field(self) -> str:
        """What the field is called."""
        ends = {"identity": "", "truncate": "_trunc"}
        return f"{self.column}{ends.get(self.name, f'_{self.name}')}"


class Numbers:
    """Numbers for columns and what is in them, one after the other."""

    def __init__(self, last: int) -> None:
        self.last = last

    def __call__(self) -> int:
        self.last += 1
        return self.last


def created(
    seed: str,
    location: str,
    columns: Sequence[Column],
    partitions: Sequence[Transform],
    properties: Mapping[str, str],
    now: int,
) -> Written:
    """An empty table; `now` is in milliseconds. Raises BadTable for columns that none can have."""
    numbers = Numbers(0)
    fields = [_field(column, numbers) for column in columns]
    return created_of(seed, location, fields, numbers.last, partitions, properties, now)


def created_of(
    seed: str,
    location: str,
    fields: Sequence[Mapping[str, Any]],
    last: int,
    partitions: Sequence[Transform],
    properties: Mapping[str, str],
    now: int,
) -> Written:
    """The same with columns in Iceberg's words; `last` is the last number that is in them."""
    if len({each["name"] for each in fields}) != len(fields):
        raise BadTable("DUPLICATE_COLUMN_NAME: Two columns of the table have the same name.")
    known = {each["name"].lower(): each["id"] for each in fields}
    spec = []
    for number, each in enumerate(partitions):
        if (source := known.get(each.column.lower())) is None:
            raise BadTable(f"COLUMN_NOT_FOUND: Partitions are told by {each.column}, which is no column of the table.")
        spec.append({"name": each.field, "transform": each.text, "source-id": source, "field-id": _FIRST + number})
    made: Metadata = {
        "format-version": 2,
        "table-uuid": str(uuid.UUID(hashlib.sha256(seed.encode()).hexdigest()[:32])),
        "location": location,
        "last-sequence-number": 0,
        "last-updated-ms": now,
        "last-column-id": last,
        "current-schema-id": 0,
        "schemas": [{"type": "struct", "schema-id": 0, "fields": list(fields)}],
        "default-spec-id": 0,
        "partition-specs": [{"spec-id": 0, "fields": spec}],
        "last-partition-id": _FIRST - 1 + len(spec),
        "default-sort-order-id": 0,
        "sort-orders": [{"order-id": 0, "fields": []}],
        "properties": {"write.format.default": "parquet", **properties},
        "current-snapshot-id": -1,
        "refs": {},
        "snapshots": [],
        "snapshot-log": [],
        "metadata-log": [],
    }
    return document(made, [], seed, 0)


def _field(column: Column, numbers: Numbers) -> dict[str, Any]:
    name, kind, comment = column
    number = numbers()
    made = {"id": number, "name": name, "required": False, "type": of_hive(kind, numbers)}
    return {**made, "doc": comment} if comment else made


def of_hive(text: str, numbers: Numbers) -> Any:
    """Iceberg's type for one of the catalog. Raises BadTable for one that Iceberg does not have."""
    found, rest = _read(text.strip().replace(" ", ""), numbers)
    if rest:
        raise BadTable(f"TYPE_NOT_FOUND: An Iceberg table has no columns of the type {text}.")
    return found


def _read(text: str, numbers: Numbers) -> tuple[Any, str]:
    """The type that a text begins with, and what follows it."""
    low = text.lower()
    if low.startswith("array<"):
        number = numbers()
        inner, rest = _read(text[6:], numbers)
        return {"type": "list", "element-id": number, "element": inner, "element-required": False}, _after(rest, ">")
    if low.startswith("map<"):
        key_number, value_number = numbers(), numbers()
        key, rest = _read(text[4:], numbers)
        value, rest = _read(_after(rest, ","), numbers)
        told = {"key-id": key_number, "key": key, "value-id": value_number, "value": value, "value-required": False}
        return {"type": "map", **told}, _after(rest, ">")
    if low.startswith("struct<"):
        fields, rest = [], text[7:]
        while True:
            name, _, rest = rest.partition(":")
            number = numbers()
            inner, rest = _read(rest, numbers)
            fields.append({"id": number, "name": name, "required": False, "type": inner})
            if not rest.startswith(","):
                return {"type": "struct", "fields": fields}, _after(rest, ">")
            rest = rest[1:]
    if match := re.match(r"decimal(?:\((\d+)(?:,(\d+))?\))?", low):
        return f"decimal({match[1] or 10}, {match[2] or 0})", text[match.end() :]
    if match := re.match(r"(?:varchar|char)(?:\(\d+\))?", low):
        return "string", text[match.end() :]
    match = re.match(r"[a-z]+", low)
    if match is None or match[0] not in _FROM_HIVE:
        raise BadTable(
            f"TYPE_NOT_FOUND: An Iceberg table has no columns of the type {text}. It has {', '.join(_FROM_HIVE)}, "
            "decimal, array, map and struct."
        )
    return _FROM_HIVE[match[0]], text[match.end() :]


def _after(text: str, sign: str) -> str:
    if not text.startswith(sign):
        raise BadTable(f"TYPE_NOT_FOUND: A type of a column lacks '{sign}' before '{text}'.")
    return text[1:]


def to_hive(kind: Any) -> str:
    """The catalog's word for a type of Iceberg's."""
    if isinstance(kind, str):
        return "binary" if kind.startswith("fixed") else _TO_HIVE.get(kind, kind.replace(" ", ""))
    match kind["type"]:
        case "list":
            return f"array<{to_hive(kind['element'])}>"
        case "map":
            return f"map<{to_hive(kind['key'])},{to_hive(kind['value'])}>"
    fields = ",".join(f"{each['name']}:{to_hive(each['type'])}" for each in kind["fields"])
    return f"struct<{fields}>"


def columns(table: Metadata) -> list[dict[str, Any]]:
    """The table's columns as the catalog tells them. Tools tell by the parameters which are the table's now."""
    return [
        {
            "Name": each["name"].lower(),
            "Type": to_hive(each["type"]),
            **({"Comment": each["doc"]} if "doc" in each else {}),
            "Parameters": {
                "iceberg.field.id": str(each["id"]),
                "iceberg.field.optional": "false" if each["required"] else "true",
                "iceberg.field.current": "true",
            },
        }
        for each in current_schema(table)["fields"]
    ]


# Changes. Each gives the table's new fields and the last number that a column has.


def with_fields(table: Metadata, fields: Sequence[Mapping[str, Any]], last: int) -> Metadata:
    """The table with other columns."""
    number = max(each["schema-id"] for each in table["schemas"]) + 1
    made = {"type": "struct", "schema-id": number, "fields": list(fields)}
    return {**table, "schemas": [*table["schemas"], made], "current-schema-id": number, "last-column-id": last}


def added(table: Metadata, wanted: Sequence[Column]) -> Metadata:
    """Columns behind those that are there; what is there already stays."""
    fields = current_schema(table)["fields"]
    known, numbers = {each["name"].lower() for each in fields}, Numbers(table["last-column-id"])
    new = [_field(each, numbers) for each in wanted if each[0] not in known]
    return with_fields(table, [*fields, *new], numbers.last) if new else table


def changed(table: Metadata, name: str, column: Column) -> Metadata:
    """A column with another name or a wider type. Raises BadTable."""

    def change(each: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        kind = of_hive(column[1], Numbers(0)) if isinstance(each["type"], str) else each["type"]
        if isinstance(each["type"], str) and not _widens(each["type"], kind):
            raise BadTable(
                f"NOT_SUPPORTED: Cannot change the column {name} from {to_hive(each['type'])} to {column[1]}: an int "
                "can become a bigint, a float a double, a decimal one with more digits."
            )
        yield {**each, "name": column[0], "type": kind, **({"doc": column[2]} if column[2] else {})}

    return _replaced(table, name, change)


def dropped(table: Metadata, name: str) -> Metadata:
    """The table without a column. Raises BadTable."""
    fields = current_schema(table)["fields"]
    number = next((each["id"] for each in fields if each["name"].lower() == name), None)
    told_by = {each["source-id"] for spec in table["partition-specs"] for each in spec["fields"]}
    if number in told_by:
        raise BadTable(f"NOT_SUPPORTED: Partitions of the table are told by {name}: it cannot be dropped.")
    return _replaced(table, name, lambda _: iter(()))


def _replaced(table: Metadata, name: str, change: Any) -> Metadata:
    fields = current_schema(table)["fields"]
    if not any(each["name"].lower() == name for each in fields):
        raise BadTable(f"COLUMN_NOT_FOUND: The table has no column {name}.")
    found = [new for each in fields for new in (change(each) if each["name"].lower() == name else (each,))]
    return with_fields(table, found, table["last-column-id"])


def _widens(old: str, new: Any) -> bool:
    if old == new or (old, new) in _WIDER:
        return True
    one, other = (re.fullmatch(r"decimal\((\d+), ?(\d+)\)", str(each)) for each in (old, new))
    return bool(one and other and one[2] == other[2] and int(other[1]) >= int(one[1]))
