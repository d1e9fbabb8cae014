"""Log groups and streams in a database that several servers share: a row per event, ordered by time and arrival.

Whoever writes to a stream takes its row first, so events of one stream are numbered one after the other, and how far a
task's output was copied (`source`) changes with the lines themselves.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson

from sagewright.base.clock import Clock
from sagewright.base.errors import AlreadyExists
from sagewright.base.settings import DEFAULT_ACCOUNT, DEFAULT_REGION
from sagewright.telemetry.database import Database, Statements
from sagewright.telemetry.group import GroupInfo, NoSuchGroup, NoSuchStream, Order, StreamInfo
from sagewright.telemetry.logs import PAGE_BYTES, PAGE_EVENTS, Logs
from sagewright.telemetry.stream import FOREVER, OVERHEAD, Event, EventPage, Mark

_AT_A_TIME: Final = 1000
"""Events that are read with one question."""
_EXPIRED_AT_A_TIME: Final = 10_000
_STREAM: Final = "name, created, first, last, ingested, size"
_ADD: Final = (
    "INSERT INTO log_event (stream, time, seq, ingested, message) SELECT ?::bigint, t, s, ?::bigint, m "
    "FROM unnest(?::bigint[], ?::bigint[], ?::text[]) AS added (t, s, m)"
)
_NOTE: Final = (
    "UPDATE log_stream SET next = next + ?, source = ?, size = size + ?, ingested = ?, first = COALESCE(first, ?), "
    "last = GREATEST(COALESCE(last, 0), ?) WHERE id = ?"
)


class SharedLogs(Logs):
    """What `Logs` does, in the same words, without a folder."""

    def __init__(
        self, database: Database, clock: Clock, *, account: str = DEFAULT_ACCOUNT, region: str = DEFAULT_REGION
    ) -> None:
        super().__init__(Path(), clock, account=account, region=region)
        self._database = database
        self._place = f"{account}/{region}"

    def at(self, account: str, region: str) -> Logs:
        return SharedLogs(self._database, self._clock, account=account, region=region)

    # Groups.

    def create_group(
        self,
        name: str,
        *,
        kms_key: str | None = None,
        log_class: str = "STANDARD",
        tags: Mapping[str, str] | None = None,
    ) -> GroupInfo:
        info = GroupInfo(name, self.now, kms_key=kms_key, log_class=log_class, tags=dict(tags or {}))
        sql = "INSERT INTO log_group (place, name, info) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        with self._database.writing() as database:
            if not database.execute(sql, (self._place, name, _spelled(info))).rowcount:
                raise AlreadyExists(f"log group {name!r} exists")
        return info

    def group(self, name: str) -> GroupInfo:
        with self._database.reading() as database:
            return self._known(database, name)[1]

    def groups(self, wanted: Callable[[str], bool], *, after: str = "", limit: int = 50) -> Sequence[GroupInfo]:
        sql = "SELECT name, info FROM log_group WHERE place = ? AND name > ? ORDER BY name"
        with self._database.reading() as database:
            found = database.execute(sql, (self._place, after)).fetchall()
        return [_info(text) for _, text in islice((row for row in found if wanted(row[0])), limit)]

    def change_group(self, name: str, change: Callable[[GroupInfo], GroupInfo]) -> GroupInfo:
        with self._database.writing() as database:
            group, info = self._known(database, name, lock=" FOR UPDATE")
            info = change(info)
            database.execute("UPDATE log_group SET info = ? WHERE id = ?", (_spelled(info), group))
        return info

    def group_size(self, name: str) -> int:
        with self._database.reading() as database:
            group, _ = self._known(database, name)
            sql = "SELECT COALESCE(SUM(size), 0)::bigint FROM log_stream WHERE grp = ?"
            return int(database.execute(sql, (group,)).fetchone()[0])

    def delete_group(self, name: str) -> None:
        with self._database.writing() as database:
            group, _ = self._known(database, name, lock=" FOR UPDATE")
            database.execute("DELETE FROM log_group WHERE id = ?", (group,))

    # Streams.

    def create_stream(self, group: str, stream: str) -> None:
        sql = "INSERT INTO log_stream (grp, name, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        with self._database.writing() as database:
            # The group must not go meanwhile.
            within, _ = self._known(database, group, lock=" FOR SHARE")
            if not database.execute(sql, (within, stream, self.now)).rowcount:
                raise AlreadyExists(f"log stream {stream!r} exists")

    def delete_stream(self, group: str, stream: str) -> None:
        with self._database.writing() as database:
            identity = self._stream_of(database, group, stream, lock=" FOR UPDATE")[0]
            database.execute("DELETE FROM log_stream WHERE id = ?", (identity,))

    def stream(self, group: str, stream: str) -> StreamInfo:
        with self._database.reading() as database:
            within, _ = self._known(database, group)
            sql = f"SELECT {_STREAM} FROM log_stream WHERE grp = ? AND name = ?"  # noqa: S608 - ours
            row = database.execute(sql, (within, stream)).fetchone()
        if row is None:
            raise NoSuchStream(stream)
        return StreamInfo(*row)

    def streams(
        self,
        group: str,
        prefix: str = "",
        *,
        order_by: Order = "name",
        descending: bool = False,
        after: tuple[int, str] | None = None,
        limit: int = 50,
    ) -> Sequence[StreamInfo]:
        order = "COALESCE(last, 0), name" if order_by == "last" else "0::bigint, name"
        sign, direction = ("<", "DESC") if descending else (">", "ASC")
        sql = f"SELECT {_STREAM} FROM log_stream WHERE grp = ? AND starts_with(name, ?)"  # noqa: S608 - ours
        values: list[Any] = [prefix]
        if after is not None:
            sql += f" AND ({order}) {sign} (?, ?)"
            values += [after[0] if order_by == "last" else 0, after[1]]
        sql += " ORDER BY " + ", ".join(f"{each} {direction}" for each in ("COALESCE(last, 0)", "name")
                                        if order_by == "last" or each == "name") + " LIMIT ?"  # fmt: skip
        with self._database.reading() as database:
            within, _ = self._known(database, group)
            return [StreamInfo(*row) for row in database.execute(sql, (within, *values, limit)).fetchall()]

    def names(self, group: str, prefix: str = "") -> Sequence[str]:
        with self._database.reading() as database:
            within, _ = self._known(database, group)
            sql = "SELECT name FROM log_stream WHERE grp = ? AND starts_with(name, ?) ORDER BY name"
            return [name for (name,) in database.execute(sql, (within, prefix)).fetchall()]

    # Events.

    def put(self, group: str, stream: str, events: Sequence[tuple[int, str]]) -> None:
        self._append(group, stream, [(timestamp, message, 0) for timestamp, message in events])

    def append_from(self, group: str, stream: str, lines: Sequence[tuple[int, str, int]]) -> None:
        with suppress(NoSuchGroup, NoSuchStream):
            return self._append(group, stream, lines)
        with suppress(AlreadyExists):
            self.create_group(group)
        with suppress(AlreadyExists):
            self.create_stream(group, stream)
        return self._append(group, stream, lines)

    def _append(self, group: str, stream: str, lines: Sequence[tuple[int, str, int]]) -> None:
        with self._database.writing() as database:
            identity, source, number = self._stream_of(database, group, stream, lock=" FOR UPDATE")
            fresh: list[tuple[int, str]] = []
            for timestamp, message, offset in lines:
                if 0 < offset <= source:
                    continue
                source = offset or source
                fresh.append((timestamp, message.encode("utf-8", "replace").decode()))
            if not fresh:
                return
            now, times = self.now, [time for time, _ in fresh]
            size = sum(len(message.encode()) + OVERHEAD for _, message in fresh)
            numbers = [*range(number, number + len(fresh))]
            database.execute(_ADD, (identity, now, times, numbers, [message for _, message in fresh]))
            database.execute(_NOTE, (len(fresh), source, size, now, times[0], max(times), identity))

    def source_offset(self, group: str, stream: str) -> int:
        with suppress(NoSuchGroup, NoSuchStream), self._database.reading() as database:
            return self._stream_of(database, group, stream)[1]
        return 0

    def events(
        self,
        group: str,
        stream: str,
        start: int = 0,
        end: int = FOREVER,
        mark: Mark | None = None,
        *,
        limit: int = PAGE_EVENTS,
        forward: bool = True,
    ) -> EventPage:
        with self._database.reading() as database:
            _, info = self._known(database, group)
            identity = self._stream_of(database, group, stream)[0]
        start = max(start, self._shown_since(info))
        chosen: list[Event] = []
        size = 0
        for event in islice(self._each(identity, start, end, mark, forward=forward), limit):
            size += len(event.message.encode()) + OVERHEAD
            if chosen and size > PAGE_BYTES:
                break
            chosen.append(event)
        if not chosen:
            high = self.stream(group, stream).last or 0
            here = mark or Mark(min(start if forward else end, high), 0)
            return EventPage((), here, here)
        if not forward:
            chosen.reverse()
        last = chosen[-1].mark
        return EventPage(chosen, chosen[0].mark, Mark(last.time, last.offset + 1))

    def merged(
        self, group: str, names: Sequence[str], start: int = 0, end: int = FOREVER
    ) -> Iterator[tuple[str, Event]]:
        with self._database.reading() as database:
            _, info = self._known(database, group)
            streams = [(name, self._stream_of(database, group, name)[0]) for name in sorted(set(names))]
        start = max(start, self._shown_since(info))
        sources = [self._named(name, identity, start, end) for name, identity in streams]
        return heapq.merge(*sources, key=lambda pair: (pair[1].timestamp, pair[0], pair[1].mark.offset))

    def _named(self, name: str, identity: int, start: int, end: int) -> Iterator[tuple[str, Event]]:
        for event in self._each(identity, start, end, None, forward=True):
            yield name, event

    def _each(self, identity: int, start: int, end: int, mark: Mark | None, *, forward: bool) -> Iterator[Event]:
        """The events from a mark on, or from right before it back; read as they are asked for."""
        sign, direction = (">=", "ASC") if forward else ("<", "DESC")
        sql = (
            "SELECT time, message, ingested, seq FROM log_event WHERE stream = ? AND time >= ? AND time < ? "  # noqa: S608 - ours
            f"AND (time, seq) {sign} (?, ?) ORDER BY time {direction}, seq {direction} LIMIT ?"
        )
        here = mark or (Mark(start, 0) if forward else Mark(end, 0))
        while True:
            with self._database.reading() as database:
                rows = database.execute(sql, (identity, start, end, here.time, here.offset, _AT_A_TIME)).fetchall()
            for time, message, ingested, number in rows:
                yield Event(time, message, ingested, Mark(time, number))
            if len(rows) < _AT_A_TIME:
                return
            time, _, _, number = rows[-1]
            here = Mark(time, number + 1) if forward else Mark(time, number)

    def expire(self) -> None:
        """Remove the events, in all accounts and regions, that their groups do not show any more."""
        with self._database.reading() as database:
            groups = database.execute("SELECT id, info FROM log_group").fetchall()
        for group, text in groups:
            oldest = self._shown_since(_info(text))
            if oldest:
                self._drop_before(group, oldest)

    def _drop_before(self, group: int, oldest: int) -> None:
        sql = (
            "DELETE FROM log_event WHERE (stream, time, seq) IN (SELECT stream, time, seq FROM log_event "
            "WHERE stream IN (SELECT id FROM log_stream WHERE grp = ?) AND time < ? LIMIT ?)"
        )
        gone = _EXPIRED_AT_A_TIME
        while gone == _EXPIRED_AT_A_TIME:
            with self._database.writing() as database:
                gone = database.execute(sql, (group, oldest, _EXPIRED_AT_A_TIME)).rowcount

    def _known(self, database: Statements, name: str, *, lock: str = "") -> tuple[int, GroupInfo]:
        sql = f"SELECT id, info FROM log_group WHERE place = ? AND name = ?{lock}"  # noqa: S608 - ours
        row = database.execute(sql, (self._place, name)).fetchone()
        if row is None:
            raise NoSuchGroup(name)
        return row[0], _info(row[1])

    def _stream_of(self, database: Statements, group: str, stream: str, *, lock: str = "") -> tuple[int, int, int]:
        """A stream's id, how far its source was read, and the number of its next event."""
        within, _ = self._known(database, group)
        sql = f"SELECT id, source, next FROM log_stream WHERE grp = ? AND name = ?{lock}"  # noqa: S608 - ours
        row = database.execute(sql, (within, stream)).fetchone()
        if row is None:
            raise NoSuchStream(stream)
        return row[0], row[1], row[2]


def _spelled(info: GroupInfo) -> str:
    return orjson.dumps(asdict(info)).decode()


def _info(text: str) -> GroupInfo:
    return GroupInfo(**orjson.loads(text))
