"""One log stream: events in a journal, read in order of time.

    rest of a journal's line = <ingested> <source offset> <message as JSON>

`source offset` is how far the output that the lines come from was read when the line was written; every line carries
the newest one, so that it survives with the lines or not at all.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from sagewright.telemetry.journal import Entry, Journal

FOREVER: Final = 1 << 62
"""A time that no event has."""
_OFFSET_BITS: Final = 44
OVERHEAD: Final = 26
"""Bytes that CloudWatch counts for an event beyond its message."""


class Event(NamedTuple):
    """A log event. Times are milliseconds since the epoch."""

    timestamp: int
    message: str
    ingested: int
    mark: Mark
    """Right before it."""


class Mark(NamedTuple):
    """A place between two events. It stays where it is when the stream grows."""

    time: int
    offset: int

    def __str__(self) -> str:
        return f"{self.time}-{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Mark:
        """The reverse of `str`. Raises ValueError."""
        time, _, offset = text.partition("-")
        return cls(int(time), int(offset))

    @property
    def _key(self) -> int:
        return self.time << _OFFSET_BITS | self.offset


class EventPage(NamedTuple):
    """Some events in order of time, and the places before and after them."""

    events: Sequence[Event]
    before: Mark
    after: Mark


class Stream:
    """A stream that is there. Any thread may call any method."""

    def __init__(self, path: Path) -> None:
        """Raises BrokenJournal and FileNotFoundError."""
        self.journal = Journal(path)
        header = orjson.loads(self.journal.header)
        self.name: str = header["stream"]
        self.created: int = header["created"]
        self._order: list[int] = []
        self._ordered_to = self.journal.body
        self._ordering = threading.Lock()
        self._appending = threading.Lock()

    @classmethod
    def make(cls, path: Path, name: str, created: int) -> Stream:
        """A new, empty stream, durable on return."""
        Journal.make(path, orjson.dumps({"stream": name, "created": created}))
        return cls(path)

    @property
    def first_time(self) -> int | None:
        """The time of the first event that came in."""
        first = next(self.journal.forward(self.journal.body), None)
        return first.time if first is not None else None

    @property
    def last_time(self) -> int | None:
        """The greatest time of an event."""
        return self.journal.high if self.journal.last is not None else None

    @property
    def last_ingested(self) -> int | None:
        return _fields(self.journal.last)[0] if self.journal.last is not None else None

    @property
    def source_offset(self) -> int:
        """How far the source of the last pumped line had been read; 0 when nothing was pumped."""
        return _fields(self.journal.last)[1] if self.journal.last is not None else 0

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.journal.end

    def put(self, events: Sequence[tuple[int, str]], ingested: int) -> None:
        """Append (timestamp, message) pairs, durable on return."""
        self.pump([(timestamp, message, 0) for timestamp, message in events], ingested)

    def pump(self, lines: Sequence[tuple[int, str, int]], ingested: int) -> None:
        """Append (timestamp, message, source offset after the line), durable on return.

        A line whose source was read already is left out; an offset of 0 is of no source, and changes none.
        """
        with self._appending:
            known = self.source_offset
            rows: list[tuple[int, bytes]] = []
            for timestamp, message, offset in lines:
                if 0 < offset <= known:
                    continue
                known = offset or known
                rows.append((timestamp, b"%d %d %b" % (ingested, known, _dump(message))))
            if not rows:
                return
            end = self.journal.append(rows)
        self.journal.sync(end)

    def page(
        self,
        start: int,
        end: int,
        mark: Mark | None,
        *,
        limit: int,
        max_bytes: int,
        forward: bool,
    ) -> EventPage:
        """At most `limit` events with start <= timestamp < end, up to `max_bytes` of them (but at least one).

        With a mark, those after it (`forward`), or the last ones before it; without, the first or last of all.
        """
        entries = self._forward(start, end, mark) if forward else self._backward(start, end, mark)
        chosen: list[Entry] = []
        size = 0
        for entry in islice(entries, limit):
            size += len(entry.rest) + OVERHEAD
            if chosen and size > max_bytes:
                break
            chosen.append(entry)
        if not chosen:
            here = mark or Mark(min(start if forward else end, self.journal.high), self._edge(start, end, forward))
            return EventPage((), here, here)
        if not forward:
            chosen.reverse()
        first, last = chosen[0], chosen[-1]
        return EventPage([_event(entry) for entry in chosen], Mark(first.time, first.offset), Mark(last.time, last.end))

    def events(self, start: int, end: int, mark: Mark | None = None) -> Iterator[Event]:
        """All events with start <= timestamp < end after `mark`, in order of time; read as they are asked for."""
        return (_event(entry) for entry in self._forward(start, end, mark))

    # A stream in order of time is read from the place that bisection finds. One that is not (a client put older
    # events after newer ones) gets a sorted list of its lines, in memory, the first time somebody reads it.

    def _edge(self, start: int, end: int, forward: bool) -> int:
        """The offset where a window begins, or where it ends; of meaning to streams in order only."""
        if forward:
            return self.journal.seek(start) if start > 0 else self.journal.body
        return self.journal.seek(end) if end <= self.journal.high else self.journal.end

    def _forward(self, start: int, end: int, mark: Mark | None) -> Iterator[Entry]:
        if not self.journal.in_order:
            low, high = self._window(start, end)
            if mark is not None:
                low = max(low, bisect_left(self._order, mark._key))
            yield from self._at(self._order[low:high])
            return
        offset = self._edge(start, end, True)
        for entry in self.journal.forward(max(offset, mark.offset) if mark is not None else offset):
            if entry.time >= end:
                return
            yield entry

    def _backward(self, start: int, end: int, mark: Mark | None) -> Iterator[Entry]:
        if not self.journal.in_order:
            low, high = self._window(start, end)
            if mark is not None:
                high = min(high, bisect_left(self._order, mark._key))
            yield from self._at(reversed(self._order[low:high]))
            return
        offset = self._edge(start, end, False)
        for entry in self.journal.backward(min(offset, mark.offset) if mark is not None else offset):
            if entry.time < start:
                return
            yield entry

    def _window(self, start: int, end: int) -> tuple[int, int]:
        """Where a time window begins and ends in `_order`, which is brought up to date."""
        with self._ordering:
            fresh: list[int] = []
            for entry in self.journal.forward(self._ordered_to):
                fresh.append(Mark(entry.time, entry.offset)._key)
                self._ordered_to = entry.end
            if len(fresh) > 8:
                self._order = sorted(self._order + fresh)
            else:
                for key in fresh:
                    insort(self._order, key)
        return bisect_left(self._order, Mark(start, 0)._key), bisect_left(self._order, Mark(end, 0)._key)

    def _at(self, keys: Iterator[int] | Sequence[int]) -> Iterator[Entry]:
        for key in keys:
            entry = next(self.journal.forward(key & ((1 << _OFFSET_BITS) - 1)), None)
            if entry is not None:
                yield entry


def _fields(entry: Entry) -> tuple[int, int]:
    ingested, offset, _ = entry.rest.split(b" ", 2)
    return int(ingested), int(offset)


def _event(entry: Entry) -> Event:
    ingested, _, message = entry.rest.split(b" ", 2)
    return Event(entry.time, orjson.loads(message), int(ingested), Mark(entry.time, entry.offset))


def _dump(message: str) -> bytes:
    try:
        return orjson.dumps(message)
    except TypeError:  # half a surrogate pair, which JSON may hold and UTF-8 may not
        return orjson.dumps(message.encode("utf-8", "replace").decode())
