"""Every store keeps the port's law."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sagewright.resources.record import Record
from sagewright.store.base import Store
from sagewright.store.memory import MemoryStore
from sagewright.store.sqlite import SqliteStore
from sagewright.testing.store_kit import StoreKit, key, record


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

    def test_what_was_acknowledged_is_there_after_a_restart(self, store: Store, tmp_path: Path) -> None:
        created: Record = store.create(record("a"))
        store.close()
        again = SqliteStore(tmp_path / "state.db")
        assert again.get(key("a")) == created
        again.close()

    def test_its_file_is_private(self, store: Store, tmp_path: Path) -> None:
        assert (tmp_path / "state.db").stat().st_mode & 0o077 == 0
