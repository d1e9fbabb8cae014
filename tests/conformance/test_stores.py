"""Every store keeps the port's law."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import pytest

from sagewright.base.errors import StaleRecord, Terminal, Transient
from sagewright.resources.record import Key, Record
from sagewright.store import plans
from sagewright.store.base import Store
from sagewright.store.memory import MemoryStore
from sagewright.store.sqlite import SqliteStore
from sagewright.testing.postgres import NoPostgres, Postgres, serving
from sagewright.testing.store_kit import QUERY, StoreKit, key, names, record

WRITERS = """
import os, sys, threading
from pathlib import Path
from sagewright.store.sqlite import SqliteStore
from sagewright.testing.store_kit import record

store = SqliteStore(Path(sys.argv[1]))

def write(number):
    for count in range(100_000):
        name = f"told-{number}-{count}"
        store.create(record(name))
        os.write(1, f"{name}\\n".encode())

for number in range(8):
    threading.Thread(target=write, args=(number,)).start()
"""


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

    def test_what_many_writers_were_told_outlives_a_killed_process(self, tmp_path: Path) -> None:
        path = tmp_path / "killed.db"
        writing = subprocess.Popen([sys.executable, "-c", WRITERS, str(path)], stdout=subprocess.PIPE, text=True)
        assert writing.stdout is not None
        told = {writing.stdout.readline().strip() for _ in range(400)}
        writing.kill()
        told |= {line.strip() for line in writing.stdout.readlines() if line.endswith("\n")}
        writing.wait()
        writing.stdout.close()
        store = SqliteStore(path)
        assert told <= set(names(store, QUERY))
        assert names(store, replace(QUERY, name_contains="told-")) == names(store, QUERY)
        store.close()

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


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    try:
        with serving() as server:
            yield server
    except NoPostgres as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> str:
    from sagewright.store.postgres import PostgresStore

    url = postgres.new_database()
    PostgresStore(url).close()
    return url


class TestPostgresStore(StoreKit):
    @pytest.fixture
    def url(self, database: str) -> str:
        import psycopg

        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("TRUNCATE records, facets, leases")
        return database

    @pytest.fixture
    def store(self, url: str) -> Iterator[Store]:
        from sagewright.store.postgres import PostgresStore

        store = PostgresStore(url)
        yield store
        store.close()

    @pytest.fixture
    def other(self, store: Store, url: str) -> Iterator[Store]:
        """A second server on the same database."""
        from sagewright.store.postgres import PostgresStore

        other = PostgresStore(url)
        yield other
        other.close()

    def test_every_listing_is_right_among_many_records(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(plans, "_PEEK", -20)
        self.test_every_listing_is_what_reading_all_records_gives(store)

    def test_names_are_found_by_an_index(self, store: Store) -> None:
        assert store._searchable  # type: ignore[attr-defined]

    def test_two_servers_see_one_state(self, store: Store, other: Store) -> None:
        created = store.create(record("a"))
        assert other.get(key("a")) == created
        other.update(created)
        with pytest.raises(StaleRecord):
            store.update(created)

    def test_a_write_wakes_the_other_servers(self, store: Store, other: Store) -> None:
        heard: SimpleQueue[Key] = SimpleQueue()
        own: list[Key] = []
        other.subscribe(heard.put)
        store.subscribe(own.append)
        store.create(record("a\x00b"))
        assert heard.get(timeout=60) == key("a\x00b")
        store.create(record("b"))
        assert heard.get(timeout=60) == key("b")
        assert own == [key("a\x00b"), key("b")]

    def test_one_of_two_servers_gets_a_lease(self, store: Store, other: Store) -> None:
        takers = {"one": store, "two": other}
        got: list[str] = []

        def take(owner: str) -> None:
            if takers[owner].acquire("l", owner, ttl=10, now=0):
                got.append(owner)

        threads = [Thread(target=take, args=(owner,)) for owner in takers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 1

    def test_writes_in_opposite_orders_all_happen(self, store: Store, other: Store) -> None:
        for name in "ab":
            store.create(replace(record(name), status={"count": 0}))

        def count(on: Store, order: str) -> None:
            for _ in range(20):
                while True:
                    read = [on.get(key(name)) for name in order]
                    added = [replace(each, status={"count": each.status["count"] + 1}) for each in read if each]
                    try:
                        on.write([("update", each) for each in added])
                        break
                    except StaleRecord:
                        continue

        threads = [Thread(target=count, args=args) for args in ((store, "ab"), (other, "ba"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name in "ab":
            found = store.get(key(name))
            assert found is not None
            assert found.status["count"] == 40

    def test_a_cut_connection_goes_unnoticed(self, store: Store, url: str) -> None:
        import psycopg

        store.create(record("a"))
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert store.get(key("a")) is not None
        store.create(record("b"))

    def test_a_commit_whose_answer_was_lost_counts_once(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        import psycopg

        commit, cut = psycopg.Transaction.__exit__, [True]

        def lose_the_answer(self: Any, *error: Any) -> Any:
            done = commit(self, *error)
            if cut:
                cut.clear()
                self.connection.close()
                raise psycopg.OperationalError("the server closed the connection")
            return done

        monkeypatch.setattr(psycopg.Transaction, "__exit__", lose_the_answer)
        created = store.create(record("a"))
        assert store.get(key("a")) == created
        cut.append(True)
        updated = store.update(replace(created, state="on"))
        assert store.get(key("a")) == updated
        cut.append(True)
        store.delete(updated)
        assert store.get(key("a")) is None

    def test_without_its_database_it_says_so_and_comes_back(
        self, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from sagewright.store.postgres import PostgresStore

        store = PostgresStore(postgres.new_database())
        store.create(record("a"))
        postgres.stop()
        monkeypatch.setattr(store, "_patience", 0.2)
        try:
            with pytest.raises(Transient, match="does not answer"):
                store.get(key("a"))
            with pytest.raises(Terminal, match="does not answer"):
                PostgresStore(postgres.url(), patience=0.2)
        finally:
            postgres.start(durable=False)
        monkeypatch.undo()
        assert store.get(key("a")) is not None
        store.close()
