"""Every store keeps the port's law."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from sagewright.base.errors import Terminal
from sagewright.resources.record import Record
from sagewright.store import plans
from sagewright.store.base import Store
from sagewright.store.memory import MemoryStore
from sagewright.store.sqlite import SqliteStore
from sagewright.testing.store_kit import QUERY, StoreKit, key, names, record


class TestMemoryStore(StoreKit):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


class TestSqliteStore(StoreKit):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = SqliteStore(tmp_path / "state.db")
        yield store
        store.close()

    def unwritable(self, name: str) -> Record:
        return replace(record(name), uid="\ud800")  # noticed by SQLite only, in the middle of a transaction

    def test_what_was_acknowledged_is_there_after_a_restart(self, store: Store, tmp_path: Path) -> None:
        created: Record = store.create(record("a"))
        store.close()
        again = SqliteStore(tmp_path / "state.db")
        assert again.get(key("a")) == created
        again.close()

    def test_a_folder_of_an_earlier_version_is_read_on(self, tmp_path: Path) -> None:
        path = tmp_path / "earlier.db"
        earlier = sqlite3.connect(path)
        for script in ("0001_records.sql", "0002_facets.sql"):
            earlier.executescript((resources.files("sagewright.store") / "migrations" / script).read_text())
        earlier.execute("CREATE TABLE migrations (name TEXT NOT NULL PRIMARY KEY)")
        earlier.executemany("INSERT INTO migrations VALUES (?)", [("0001_records.sql",), ("0002_facets.sql",)])
        place = ("thing", "123456789012", "us-east-1", "", "Needle")
        values = (*place, "uid", 3, 1.0, 2.0, "on", "run", "{}", "{}", "{}", '{"Owner":"ada"}')
        earlier.execute(f"INSERT INTO records VALUES ({', '.join('?' * 15)})", values)
        facet = ("thing", "123456789012", "us-east-1", "Owner", "ada", "", "Needle")
        earlier.execute("INSERT INTO facets VALUES (?, ?, ?, ?, ?, ?, ?)", facet)
        earlier.commit()
        earlier.close()
        store = SqliteStore(path)
        for query in (
            replace(QUERY, name_contains="eedl"),
            replace(QUERY, name_ignoring_case="needle"),
            replace(QUERY, facets={"Owner": "ada"}),
        ):
            assert names(store, query) == ["Needle"]
        store.close()

    def test_what_cannot_be_used_is_told_so(self, tmp_path: Path) -> None:
        (tmp_path / "noise.db").write_bytes(b"no database at all" * 100)
        with pytest.raises(Terminal, match=r"noise\.db cannot be used"):
            SqliteStore(tmp_path / "noise.db")

    def test_its_file_is_private(self, store: Store, tmp_path: Path) -> None:
        assert (tmp_path / "state.db").stat().st_mode & 0o077 == 0


class TestSqliteStoreWithManyRecords(StoreKit):
    """The kit again, with every listing answered as if there were a million records."""

    @pytest.fixture
    def store(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
        monkeypatch.setattr(plans, "_PEEK", -20)
        store = SqliteStore(tmp_path / "state.db")
        yield store
        store.close()


class TestSqliteStoreWithoutAnIndexOfNames(StoreKit):
    @pytest.fixture
    def store(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
        monkeypatch.setattr(plans, "_PEEK", -20)
        monkeypatch.setattr(plans, "_FEW", 1)
        store = SqliteStore(tmp_path / "state.db")
        yield store
        store.close()
