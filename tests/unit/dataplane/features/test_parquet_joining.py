"""Our Parquet files joined: the bytes are those of a file that was written at once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagewright.dataplane.features import parquet_joining as joining
from sagewright.dataplane.features.parquet import Column, written

_NONE = st.none()
_ROW = st.tuples(
    _NONE | st.text(max_size=5),
    _NONE | st.integers(-(2**63), 2**63 - 1),
    _NONE | st.booleans(),
    _NONE | st.lists(st.floats(allow_nan=False), max_size=3),
)


def _file(rows: list[Any]) -> bytes:
    kinds: Any = (("s", "string", False), ("i", "bigint", False), ("b", "boolean", False), ("l", "double", True))
    columns = [
        Column(name, kind, [row[number] for row in rows], many, ids=(number + 1, number + 9 if many else 0))
        for number, (name, kind, many) in enumerate(kinds)
    ]
    return written(columns, len(rows))


def _joined(files: list[bytes]) -> bytes:
    found = [joining.opened(each) for each in files]
    known = [each for each in found if each is not None]
    assert len(known) == len(found)
    assert len({tuple(each.elements) for each in known}) == 1
    return joining.joined(known)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.lists(st.lists(_ROW, min_size=1, max_size=9), min_size=1, max_size=6))
def test_joined_files_are_the_file_of_all_rows(files: list[list[Any]]) -> None:
    assert _joined([_file(rows) for rows in files]) == _file([row for rows in files for row in rows])


def test_pages_stay_small_and_can_be_joined_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("text" * 9, number, number % 3 == 0, [number / 7, 0.5]) for number in range(40)]
    monkeypatch.setattr(joining, "_PAGE", 100)
    paged = _joined([_file(rows[at : at + 4]) for at in range(0, 40, 4)])
    assert paged != _file(rows)
    monkeypatch.undo()
    assert _joined([paged]) == _file(rows)


def test_what_others_wrote_is_left_alone() -> None:
    ours = _file([("a", 1, True, None)])
    for other in (
        b"",
        b"PAR1",
        ours.replace(b"sagewright", b"parquet-mr"),
        ours[:-9] + b"\xff" + ours[-8:],
        b"x" + ours,
    ):
        assert joining.opened(other) is None
