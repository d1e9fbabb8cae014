"""Records whose numbers collide, and files from before there were numbers, behave like all others."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from sagewright.base.clock import SystemClock
from sagewright.dataplane.features import changes, schema, tables
from sagewright.dataplane.features.changes import Change, Refused
from sagewright.dataplane.features.group_file import GroupFile
from sagewright.dataplane.features.store import FeatureFiles

UID = "group"
OLD = """
CREATE TABLE record (
    id TEXT NOT NULL PRIMARY KEY, time INTEGER NOT NULL, expires INTEGER, ttl INTEGER, deleted INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX expiring ON record (expires) WHERE expires IS NOT NULL;
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, asked INTEGER NOT NULL, deleted INTEGER NOT NULL,
    layout TEXT NOT NULL, data BLOB NOT NULL
);
CREATE TABLE layout (id TEXT NOT NULL PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sealed (last INTEGER NOT NULL, written INTEGER NOT NULL);
"""
FOREVER = 2**60


@pytest.fixture
def colliding(monkeypatch: pytest.MonkeyPatch) -> None:
    """All identifiers have one of two numbers."""

    def key(identifier: str) -> int:
        return len(identifier) % 2

    monkeypatch.setattr(tables, "key", key)
    monkeypatch.setattr(tables, "keys", lambda identifiers: [key(each) for each in identifiers])
    monkeypatch.setattr(changes, "key", key)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[GroupFile]:
    file = GroupFile(tmp_path / "records.db", SystemClock())
    yield file
    file.close()


def change(file: GroupFile, kind: Any, identifier: str, time: int, value: str = "", ttl: int | None = None) -> bool:
    """Whether it was made."""
    values: dict[str, schema.Value] = {"id": identifier, "value": value}
    try:
        Change(kind, identifier, time, values, 0, ttl).apply(file._writer, 0, FOREVER)
    except Refused:
        return False
    return True


def values(file: GroupFile, *identifiers: str) -> dict[str, str]:
    """By one request for all of them, and by one for each."""
    found = file.read(identifiers)
    assert {identifier: kept for identifier in identifiers if (kept := file.one(identifier)) is not None} == found
    return {identifier: orjson.loads(kept.data)[1]["ValueAsString"] for identifier, kept in found.items()}


def listed(file: GroupFile, limit: int = 2) -> list[str]:
    found: list[str] = []
    after = tables.FIRST
    while some := file.listed(after, limit, deleted=False):
        found += [identifier for _, identifier in some]
        after = some[-1][0]
    return found


def count(file: GroupFile, table: str) -> int:
    return int(file._reader.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


def test_a_number_is_the_same_everywhere_and_always() -> None:
    assert tables.key("17") == 1161021099008769498
    assert tables.keys(["17", "ü"]) == [tables.key("17"), tables.key("ü")]
    many = tables.keys(map(str, range(1_000)))
    assert len(set(many)) == 1_000
    assert all(0 <= each < 2**63 for each in many)


@pytest.mark.usefixtures("colliding")
def test_identifiers_with_one_number_are_different_records(file: GroupFile) -> None:
    for identifier in ("a", "b", "cc", "d"):
        assert change(file, "put", identifier, 10, f"first {identifier}")
    assert (count(file, "record"), count(file, "beside")) == (2, 2)
    assert values(file, "a", "b", "cc", "d", "e") == {each: f"first {each}" for each in ("a", "b", "cc", "d")}
    assert change(file, "put", "b", 9, "older")
    assert change(file, "put", "d", 11, "newer")
    assert values(file, "b", "d") == {"b": "first b", "d": "newer"}
    assert sorted(listed(file)) == ["a", "b", "cc", "d"]
    assert change(file, "update", "b", 12, "updated")
    assert not change(file, "update", "e", 12)
    assert not change(file, "hard", "d", 11)
    assert change(file, "hard", "e", 1), "there is none"
    assert change(file, "soft", "d", 20)
    assert change(file, "put", "d", 15, "too late")
    assert values(file, "a", "b", "d") == {"a": "first a", "b": "updated"}


@pytest.mark.usefixtures("colliding")
def test_one_whose_number_becomes_free_stays_one_record(file: GroupFile) -> None:
    change(file, "put", "a", 10, "a")
    change(file, "put", "b", 10, "b")
    assert change(file, "hard", "a", 11)
    change(file, "put", "b", 12, "b again")
    change(file, "put", "b", 11, "older")
    assert (count(file, "record"), count(file, "beside")) == (0, 1)
    change(file, "put", "c", 10, "c")
    assert values(file, "a", "b", "c") == {"b": "b again", "c": "c"}
    assert change(file, "hard", "b", 13)
    assert values(file, "a", "b", "c") == {"c": "c"}
    assert change(file, "put", "d", 1, "expires", ttl=1)
    tables.purge(file._writer, 3)
    assert count(file, "beside") == 0


@pytest.mark.parametrize("many", [3, 1_200])
def test_a_file_from_before_is_right_at_once_and_settled_soon(tmp_path: Path, many: int) -> None:
    _make_old(tmp_path / UID / "records.db", many)
    files = FeatureFiles(tmp_path, SystemClock())
    asyncio.run(_changed(files))
    with files.at(UID) as file:
        assert file.sealed(9, 0) is not None
    files._settlers.shutdown()
    with files.at(UID) as file:
        assert (count(file, "record"), count(file, "beside")) == (many - 1, 0)
        assert values(file, "0", "1", "2") == {"0": "old", "1": "new"}
        assert sorted(listed(file, 100)) == sorted(str(number) for number in range(many) if number != 2)
        numbers = file._reader.execute("SELECT DISTINCT shape FROM record").fetchall()
        assert numbers == [(1,)]
    assert not files._users
    files.close()


async def _changed(files: FeatureFiles) -> None:
    """What has to hold whether records are settled already or not."""
    new: dict[str, schema.Value] = {"id": "1", "value": "new"}
    await files.change(UID, Change("put", "0", 4, new, 0))
    await files.change(UID, Change("put", "1", 5, new, 0))
    await files.change(UID, Change("hard", "2", 6, {"id": "2"}, 0))
    assert sorted(await files.read(UID, ["0", "1", "2"])) == ["0", "1"]


def test_a_record_that_is_settled_meanwhile_is_found(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    _make_old(path, 40)
    reading, writing = GroupFile(path, SystemClock()), GroupFile(path, SystemClock())
    names = [str(number) for number in range(40)]
    after: int | None = 0
    for _ in itertools.count():
        assert sorted(values(reading, *names)) == sorted(names)
        assert set(listed(reading, 7)) == set(names)
        if after is None:
            break
        with writing._writing:
            after = tables.settle(writing._writer, after, 3)
    for each in (reading, writing):
        assert count(each, "beside") == 0
        each.close()


def test_a_process_that_is_killed_in_the_midst_of_it_leaves_each_record_once(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    many = 3_000
    _make_old(path, many)
    script = (
        "import sys\nfrom pathlib import Path\nfrom sagewright.base.clock import SystemClock\n"
        "from sagewright.dataplane.features.group_file import GroupFile\n"
        "file, after = GroupFile(Path(sys.argv[1]), SystemClock()), 0\nprint('begun', flush=True)\n"
        "while after is not None: after = file.settle(after); print(after, flush=True)\n"
    )
    for lines in (1, 2, 3):
        with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(lines):
                process.stdout.readline()
            process.kill()
        file = GroupFile(path, SystemClock())
        assert count(file, "record") + count(file, "beside") == many
        assert len(file.read([str(number) for number in range(many)])) == many
        file.close()
    assert count(GroupFile(path, SystemClock()), "record") > 0


def _make_old(path: Path, many: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(path)
    database.executescript("PRAGMA journal_mode = WAL;" + OLD)
    rows = ((str(each), 5, schema.packed({"id": str(each), "value": "old"})) for each in range(many))
    database.executemany("INSERT INTO record VALUES (?, ?, NULL, NULL, 0, ?)", rows)
    database.execute("INSERT INTO layout VALUES ('x', '{}')")
    database.execute(
        "INSERT INTO outbox (time, asked, deleted, layout, data) VALUES (1, 2, 0, 'x', ?)",
        (schema.packed({"id": "0", "value": "old"}),),
    )
    database.commit()
    database.close()
