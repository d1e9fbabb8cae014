"""Whatever is kept is sent as it came."""

from __future__ import annotations

import sqlite3

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.dataplane.features import packing, schema
from sagewright.dataplane.features.schema import Value

_TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.text("0123456789.+-e\1\2", max_size=9),
    st.integers().map(str),
    st.floats(allow_nan=False).map(str),
)
_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)
_RECORDS = st.dictionaries(_NAMES, st.one_of(_TEXTS, st.lists(_TEXTS, max_size=3)), min_size=1, max_size=6)


@pytest.fixture
def database() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.execute(packing.SHAPES)
    return database


def spread(database: sqlite3.Connection, number: int, *records: bytes) -> list[bytes]:
    return packing.shape(database, number).spread(records)


@given(records=st.lists(_RECORDS, min_size=1, max_size=3))
def test_a_record_is_sent_as_it_came(records: list[dict[str, Value]]) -> None:
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.execute(packing.SHAPES)
    for values in records:
        kept = packing.packed(database, values)
        assert packing.unpacked(database, *kept) == values
        assert spread(database, *kept) == [schema.sent(values)]


@given(rows=st.lists(st.lists(st.integers().map(str), min_size=3, max_size=3), min_size=1, max_size=5))
def test_many_records_of_one_shape_are_told_apart(rows: list[list[str]]) -> None:
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.execute(packing.SHAPES)
    values = [dict(zip("abc", row, strict=True)) for row in rows]
    kept = [packing.packed(database, each) for each in values]
    assert {number for number, _ in kept} == {1}
    assert [orjson.loads(each) for each in spread(database, 1, *(record for _, record in kept))] == [
        [{"FeatureName": name, "ValueAsString": value} for name, value in each.items()] for each in values
    ]


def test_numbers_take_half_a_byte_a_digit_and_names_nothing(database: sqlite3.Connection) -> None:
    values: dict[str, Value] = {f"a rather long name {number}": f"{number}.125e-3" for number in range(10, 30)}
    _, record = packing.packed(database, values)
    assert len(record) == 20 * 10 / 2
    assert packing.packed(database, {**values, "more": "1"})[0] == 2


def test_who_has_thousands_of_shapes_has_names_in_the_records(
    database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "_MOST", 2)
    kept = [packing.packed(database, {name: "1"}) for name in ("a", "b", "c", "a")]
    assert [number for number, _ in kept] == [1, 2, packing.NAMED, 1]
    assert packing.unpacked(database, *kept[2]) == {"c": "1"}
