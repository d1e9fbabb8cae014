"""Columns of Iceberg tables in the words of the catalog, both ways, and what may become of them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from sagewright.dataplane.iceberg import schemas
from sagewright.dataplane.iceberg.commits import BadTable, current_schema
from sagewright.dataplane.iceberg.schemas import Transform

_TYPES = ("int", "bigint", "decimal(9,2)", "array<map<string,struct<a:int,b:array<double>>>>", "timestamp", "binary")


def _made(*columns: tuple[str, str], transforms: tuple[Transform, ...] = ()) -> Any:
    told = [(name, kind, "") for name, kind in columns]
    return orjson.loads(schemas.created("seed", "s3://b/t", told, transforms, {}, 1).objects[-1][1])


def test_types_come_back_as_they_were_and_every_part_has_a_number() -> None:
    table = _made(*((f"c{number}", kind) for number, kind in enumerate(_TYPES)))
    assert [each["Type"] for each in schemas.columns(table)] == list(_TYPES)
    assert table["last-column-id"] == len(_TYPES) + 6


def test_partitions_are_named_as_iceberg_names_them() -> None:
    transforms = (Transform("day", "at"), Transform("bucket", "id", 16), Transform("identity", "id"))
    table = _made(("id", "int"), ("at", "timestamp"), transforms=transforms)
    fields = table["partition-specs"][0]["fields"]
    assert [(each["name"], each["transform"], each["source-id"], each["field-id"]) for each in fields] == [
        ("at_day", "day", 2, 1000), ("id_bucket", "bucket[16]", 1, 1001), ("id", "identity", 1, 1002)
    ]  # fmt: skip
    with pytest.raises(BadTable, match="no column"):
        _made(("id", "int"), transforms=(Transform("day", "at"),))
    with pytest.raises(BadTable, match="cannot be dropped"):
        schemas.dropped(table, "id")


def test_columns_come_widen_and_go_and_numbers_are_not_used_again() -> None:
    table = _made(("a", "int"), ("b", "decimal(5,2)"))
    table = schemas.changed(table, "a", ("long", "bigint", "wide"))
    table = schemas.dropped(table, "b")
    table = schemas.added(table, [("b", "array<int>", ""), ("long", "int", "")])
    assert [(each["id"], each["name"]) for each in current_schema(table)["fields"]] == [(1, "long"), (3, "b")]
    assert (table["last-column-id"], len(table["schemas"])) == (4, 4)
    for column in (("long", "int", ""), ("long", "string", "")):
        with pytest.raises(BadTable, match="Cannot change"):
            schemas.changed(table, "long", column)
    with pytest.raises(BadTable, match="TYPE_NOT_FOUND"):
        schemas.added(table, [("c", "tinyint", "")])
