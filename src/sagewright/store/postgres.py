"""The store on PostgreSQL: for servers whose records live on another machine, or are shared.

Wake-ups travel between servers by NOTIFY; a server that was cut off hears nothing of what happened meanwhile, so
nobody may rely on them (`Store.subscribe`).
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import orjson
import psycopg
from psycopg.errors import DeadlockDetected, SerializationFailure

from sagewright.base.errors import StaleRecord, Terminal, Transient
from sagewright.resources.record import Key, Record
from sagewright.store.base import Write, fence
from sagewright.store.migrate import migrate
from sagewright.store.plans import POSTGRES
from sagewright.store.postgres_statements import Connection, Cursor, Statements, read, spelled, stored
from sagewright.store.sql import SqlStore
from sagewright.store.statements import (
    GET,
    RELEASE_LEASE,
    TAKE_LEASE,
    Prepared,
    Row,
    apply,
    check_fence,
    columns,
    prepare,
    record_of,
)

_log = logging.getLogger(__name__)

_PATIENCE: Final = 5.0
"""Seconds for which a lost connection is tried again before anybody hears of it."""
_PAUSE: Final = 0.05
_MOST: Final = 32
"""Connections at a time; a PostgreSQL server has a hundred unless told otherwise."""
_CHANNEL: Final = "sagewright"
_LONGEST: Final = 7_900
"""Bytes that a notification may have."""
_LOOK_ANEW: Final = 10.0
"""Seconds between two looks at what may have gone unheard."""
_MIGRATING: Final = 0x5A6E
"""The advisory lock that keeps two servers from changing the schema at once."""

T = TypeVar("T")


class PostgresStore(SqlStore):
    """One database for one or several servers, each with a data folder of its own."""

    dialect = POSTGRES

    def __init__(self, url: str, *, patience: float = _PATIENCE) -> None:
        """`url` is what libpq takes (`postgresql://user@host/database`). Raises Terminal when it leads nowhere."""
        self._url, self._patience = url, patience
        self._idle: deque[Connection] = deque()
        self._places = threading.BoundedSemaphore(_MOST)
        self._closed, self._listening, self._interrupted = threading.Event(), threading.Event(), threading.Event()
        self._origin = secrets.token_hex(8)
        try:
            self._searchable = self._kept(self._migrate)
        except Transient as error:
            raise Terminal(f"The database of --store does not answer: {error.__cause__ or error}") from error
        except psycopg.Error as error:
            raise Terminal(f"The database of --store cannot be used: {error}") from error
        if not self._searchable:
            _log.info("the database has no pg_trgm: NameContains reads all names of a kind")
        self._listener = threading.Thread(target=self._listen, name="store-listener", daemon=True)
        self._listener.start()
        self._listening.wait(timeout=patience)
        self._healer = threading.Thread(target=self._heal, name="store-healer", daemon=True)
        self._healer.start()

    def _migrate(self, connection: Connection) -> bool:
        cursor = Cursor(connection)

        def execute(sql: str, values: Sequence[Any]) -> Sequence[Row]:
            cursor.execute(sql, values)
            return cursor.fetchall()

        with connection.transaction():
            execute("SELECT pg_advisory_xact_lock(?)", (_MIGRATING,))
            return migrate(execute, "postgres")

    def close(self) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        with contextlib.suppress(Transient, psycopg.Error):
            self._kept(lambda connection: connection.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, "[]")))
        self._forget_connections()
        self._interrupted.set()
        self._listener.join(timeout=5)
        self._healer.join(timeout=5)

    # Reading and writing.

    def _rows(self, sql: str, values: Sequence[Any]) -> Sequence[Row]:
        return self._kept(lambda connection: _rows(connection, sql, values))

    def write(self, writes: Sequence[Write]) -> Sequence[Record]:
        prepared = [prepare(verb, record) for verb, record in writes]
        committing = False
        under = fence()

        def work(connection: Connection) -> None:
            nonlocal committing
            if committing and _stands(connection, prepared):
                return
            with connection.transaction():
                cursor = Cursor(connection)
                check_fence(cursor, under, lock=" FOR SHARE")
                # In one order everywhere, so that two transactions do not wait for each other.
                for each in sorted(prepared, key=lambda write: write.record.key):
                    apply(cursor, each)
                self._notify(connection, prepared)
                committing = True
            committing = False

        self._kept(work)
        self._announce([each.record.key for each in prepared])
        return [each.record for each in prepared]

    def acquire(self, name: str, owner: str, *, ttl: float, now: float) -> bool:
        return self._kept(lambda connection: _changed(connection, TAKE_LEASE, (name, owner, now + ttl, now))) == 1

    def release(self, name: str, owner: str) -> None:
        self._kept(lambda connection: _changed(connection, RELEASE_LEASE, (name, owner)))

    def _kept(self, work: Callable[[Connection], T]) -> T:
        """Do work on a connection, and again on another one when it is lost or two transactions met.

        Raises Transient when the database could not be reached for a while.
        """
        end = time.monotonic() + self._patience
        with self._places:
            while True:
                try:
                    connection = self._idle.pop() if self._idle else self._open()
                    try:
                        result = work(connection)
                    except BaseException:
                        if connection.broken or connection.info.transaction_status:
                            connection.close()
                        raise
                    finally:
                        if not connection.closed:
                            self._give_back(connection)
                except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                    met = isinstance(error, DeadlockDetected | SerializationFailure)
                    if time.monotonic() > end or self._closed.is_set():
                        raise Transient("The database does not answer. Try again.") from error
                    if not met:
                        self._forget_connections()  # what broke one has mostly broken all
                        time.sleep(_PAUSE)
                else:
                    return result

    def _open(self) -> Connection:
        connection = psycopg.connect(self._url, autocommit=True, connect_timeout=3, application_name="sagewright")
        connection.prepare_threshold = 2
        # Compiling a plan takes longer than any of ours runs, and who is stopped in the middle of a transaction must
        # not keep the others waiting.
        connection.execute("SET jit = off; SET idle_in_transaction_session_timeout = '10s'")
        return connection

    def _give_back(self, connection: Connection) -> None:
        if self._closed.is_set():
            connection.close()
        else:
            self._idle.append(connection)

    def _forget_connections(self) -> None:
        while self._idle:
            self._idle.pop().close()

    # Wake-ups between servers.

    def _notify(self, connection: Connection, writes: Sequence[Prepared]) -> None:
        for each in writes:
            text = orjson.dumps([self._origin, *each.record.key]).decode()
            if len(text.encode()) <= _LONGEST:
                connection.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, text))

    def _listen(self) -> None:
        """Announce what other servers write, for as long as the store is open."""
        while not self._closed.is_set():
            try:
                with self._open() as connection:
                    connection.execute(f"LISTEN {_CHANNEL}")
                    if self._listening.is_set():
                        self._interrupted.set()
                    self._listening.set()
                    while not self._closed.is_set():
                        for notice in connection.notifies(timeout=0.5):
                            origin, *key = orjson.loads(notice.payload) or [self._origin]
                            if origin != self._origin:
                                self._announce([Key(*key)])
                            elif self._closed.is_set():
                                return
            except (psycopg.Error, ValueError) as error:
                if not self._closed.is_set():
                    _log.info("wake-ups from other servers are interrupted: %s", error)
                    self._closed.wait(1.0)

    def _heal(self) -> None:
        """Have those look anew who follow what other servers write: after an interruption, and now and then."""
        while not self._closed.is_set():
            self._interrupted.wait(_LOOK_ANEW)
            self._interrupted.clear()
            for listener in () if self._closed.is_set() else self._lookers:
                try:
                    listener()
                except Exception:  # noqa: BLE001 - the next look may do better
                    _log.exception("what other servers wrote could not be looked at")

    # Transactions of others, in the same database.

    @contextmanager
    def transaction(self, lock: int | None = None) -> Iterator[Statements]:
        """One transaction, durable when it ends well; `lock` has all that name it, on all servers, take turns.

        Raises Transient when the database does not answer, or stops to.
        """
        with self._places:
            connection = self._begun(lock)
            try:
                yield Statements(connection)
                connection.execute("COMMIT")
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                connection.close()
                raise Transient("The database does not answer. Try again.") from error
            except BaseException:
                connection.close()  # and so the transaction
                raise
            self._give_back(connection)

    def _begun(self, lock: int | None) -> Connection:
        """A connection on which a transaction has begun: one that was lost meanwhile is found out here."""
        end = time.monotonic() + self._patience
        while True:
            try:
                connection = self._idle.pop() if self._idle else self._open()
                connection.execute("BEGIN")
                if lock is not None:
                    connection.execute("SELECT pg_advisory_xact_lock(%s)", (lock,))
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                if time.monotonic() > end or self._closed.is_set():
                    raise Transient("The database does not answer. Try again.") from error
                self._forget_connections()
                time.sleep(_PAUSE)
            else:
                return connection


def _rows(connection: Connection, sql: str, values: Sequence[Any]) -> Sequence[Row]:
    # A listing's plan depends on what is asked for, so it is made anew each time.
    cursor = connection.execute(spelled(sql), [stored(value) for value in values], prepare=sql == GET)
    return [read(row) for row in cursor.fetchall()]


def _changed(connection: Connection, sql: str, values: Sequence[Any]) -> int:
    cursor = Cursor(connection)
    cursor.execute(sql, values)
    return cursor.rowcount


def _stands(connection: Connection, writes: Sequence[Prepared]) -> bool:
    """Whether a commit that nobody confirmed was done. Raises StaleRecord when that cannot be known any more."""
    write = writes[0]
    rows = _rows(connection, GET, columns(write.record.key))
    now = record_of(rows[0]) if rows else None
    mine = now is not None and now.uid == write.record.uid
    if write.verb == "delete":
        return not mine
    if now is None or not mine:
        return False
    if write.verb == "create" or now == write.record:
        return True
    if now.version >= write.record.version:
        raise StaleRecord(f"{now.key.kind} {now.name!r} was written since it was read")
    return False
