"""Metrics of trial components: every point, in the order it came in, and a summary of each metric.

    DATA/metrics/components.db     SQLite in WAL mode: a row per metric with its summary, and a row per point

Components are known by the uid of their record, which no later one of the same name has. Mean and deviation are carried
along by Welford's method, so that no summary ever reads the points again.
"""

from __future__ import annotations

import asyncio
import math
import sqlite3
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, component TEXT NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL, mean REAL NOT NULL,
    squares REAL NOT NULL, minimum REAL NOT NULL, maximum REAL NOT NULL, last REAL NOT NULL, time REAL NOT NULL,
    UNIQUE (component, name)
);
CREATE TABLE IF NOT EXISTS point (
    series INTEGER NOT NULL, seq INTEGER NOT NULL, time REAL NOT NULL, step INTEGER, value REAL NOT NULL,
    PRIMARY KEY (series, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS taken (
    component TEXT NOT NULL, source TEXT NOT NULL, upto INTEGER NOT NULL, PRIMARY KEY (component, source)
) WITHOUT ROWID;
"""
_SERIES: Final = "id, name, count, mean, squares, minimum, maximum, last, time"
_TAKEN: Final = "SELECT upto FROM taken WHERE component = ? AND source = ?"
MOST_METRICS: Final = 10_000
"""How many metrics a component may have."""
_REMEMBERED: Final = 20_000
"""Summaries that are kept in memory for the next point."""
_ASKED_AT_ONCE: Final = 500


class Point(NamedTuple):
    """One value of a metric. `time` is epoch seconds; `step` counts iterations and may be unknown."""

    time: float
    step: int | None
    value: float


class Read(NamedTuple):
    """Where a point was read: where it ends in which source. What was taken from there once is never taken again."""

    source: str
    upto: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What all points of a metric come to; `squares` is the sum of squared distances from the mean."""

    id: int
    name: str
    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    minimum: float = math.inf
    maximum: float = -math.inf
    last: float = 0.0
    """The value of the newest point by its time, of the later one where times are equal."""
    time: float = -math.inf

    @property
    def deviation(self) -> float:
        return math.sqrt(max(self.squares, 0.0) / self.count) if self.count else 0.0

    def plus(self, point: Point) -> Summary:
        delta = _bounded(point.value - self.mean)
        mean = self.mean + delta / (self.count + 1)
        newer = point.time >= self.time
        return replace(
            self,
            count=self.count + 1,
            mean=mean,
            squares=_bounded(self.squares + delta * _bounded(point.value - mean)),
            minimum=min(self.minimum, point.value),
            maximum=max(self.maximum, point.value),
            last=point.value if newer else self.last,
            time=point.time if newer else self.time,
        )


@dataclass(slots=True, eq=False)
class _Waiting:
    """Points that wait for a commit."""

    component: str
    points: Sequence[tuple[str, Point]]
    read: Sequence[Read] = ()
    refused: list[int] = field(default_factory=list)
    done: bool = False
    error: BaseException | None = None
    tell: Callable[[], object] = lambda: None
    """Called when it is done, by whoever did it."""


class ComponentMetrics:
    """Any thread may call any method. Whoever writes commits what all that wait have brought, so that many at once
    wait for the disk together."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "components.db"
        self._writer = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self._writer.execute(f"PRAGMA {pragma}")
        self._writer.executescript(_SCHEMA)
        self._reader = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._queueing, self._writing, self._reading = threading.Lock(), threading.Lock(), threading.Lock()
        self._queue: list[_Waiting] = []
        self._brought = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._known: OrderedDict[tuple[str, str], Summary] = OrderedDict()

    def put(self, component: str, points: Sequence[tuple[str, Point]], read: Sequence[Read] = ()) -> Sequence[int]:
        """Add points, each with its metric's name; durable on return, all or none but those that are refused.

        Returns the places of those that would be of one metric too many. With `read`, which says of each point where
        it was read, points that were taken before are left out: whoever reads on after a crash may hand them in again.
        """
        mine = _Waiting(component, points, read)
        with self._queueing:
            self._queue.append(mine)
        with self._writing:
            if not mine.done:
                self._commit_all()
        if mine.error is not None:
            raise mine.error
        return mine.refused

    async def put_soon(self, component: str, points: Sequence[tuple[str, Point]]) -> Sequence[int]:
        """The same from an event loop, which goes on meanwhile: a thread of its own writes what has gathered."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Sequence[int]] = loop.create_future()
        mine = _Waiting(component, points)

        def end() -> None:
            if future.done():
                return  # nobody waits any more
            if mine.error is not None:
                future.set_exception(mine.error)
            else:
                future.set_result(mine.refused)

        def tell() -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(end)

        mine.tell = tell
        with self._queueing:
            self._queue.append(mine)
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_what_comes, name="component-metrics", daemon=True)
                self._thread.start()
        self._brought.set()
        return await future

    def summaries(self, component: str) -> Sequence[Summary]:
        """Of all metrics of a component, by name."""
        return self.summaries_of([component]).get(component, [])

    def summaries_of(self, components: Collection[str]) -> Mapping[str, Sequence[Summary]]:
        """Of all metrics of some components, by component; those without metrics are missing."""
        found: dict[str, list[Summary]] = {}
        wanted = list(components)
        for start in range(0, len(wanted), _ASKED_AT_ONCE):
            some = wanted[start : start + _ASKED_AT_ONCE]
            sql = (
                f"SELECT component, {_SERIES} FROM series WHERE component IN ({','.join('?' * len(some))}) "  # noqa: S608 - ours
                "ORDER BY component, name"
            )
            with self._reading:
                rows = self._reader.execute(sql, some).fetchall()
            for component, *row in rows:
                found.setdefault(component, []).append(Summary(*row))
        return found

    def points(self, component: str, name: str) -> Iterator[Point]:
        """All points of a metric, in the order they came in."""
        with self._reading:
            rows = self._reader.execute(
                "SELECT time, step, value FROM point "
                "WHERE series = (SELECT id FROM series WHERE component = ? AND name = ?) ORDER BY seq",
                (component, name),
            ).fetchall()
        return (Point(*row) for row in rows)

    def taken(self, component: str, source: str) -> int:
        """How far a source was read; 0 at first."""
        with self._reading:
            row = self._reader.execute(_TAKEN, (component, source)).fetchone()
        return row[0] if row else 0

    def forget(self, component: str) -> None:
        """Remove everything of a component."""
        with self._writing:
            for key in [key for key in self._known if key[0] == component]:
                del self._known[key]
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                for sql in (
                    "DELETE FROM point WHERE series IN (SELECT id FROM series WHERE component = ?)",
                    "DELETE FROM series WHERE component = ?",
                    "DELETE FROM taken WHERE component = ?",
                ):
                    self._writer.execute(sql, (component,))
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file. Calling it twice is fine."""
        self._closed = True
        self._brought.set()
        if self._thread is not None:
            self._thread.join()
        with self._writing, self._reading:
            self._writer.close()
            self._reader.close()

    # Writing.

    def _write_what_comes(self) -> None:
        while not self._closed:
            self._brought.wait()
            self._brought.clear()
            with self._writing:
                self._commit_all()

    def _commit_all(self) -> None:
        with self._queueing:
            batch, self._queue = self._queue, []
        if batch:
            self._commit(batch)

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        """One transaction for all that wait; a disk that takes none of it fails them all."""
        changed: dict[tuple[str, str], Summary] = {}
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                rows = [row for waiting in batch for row in self._rows(waiting, changed)]
                self._writer.executemany("INSERT INTO point VALUES (?, ?, ?, ?, ?)", rows)
                self._writer.executemany(
                    "UPDATE series SET count = ?, mean = ?, squares = ?, minimum = ?, maximum = ?, last = ?, time = ? "
                    "WHERE id = ?",
                    [(s.count, s.mean, s.squares, s.minimum, s.maximum, s.last, s.time, s.id)
                     for s in changed.values()],
                )  # fmt: skip
                self._writer.execute("COMMIT")
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
        except Exception as error:  # noqa: BLE001 - it is raised where the points came from
            for waiting in batch:
                waiting.error = error
        else:
            self._remember(changed)
        for waiting in batch:
            waiting.done = True
            waiting.tell()

    def _rows(
        self, waiting: _Waiting, changed: dict[tuple[str, str], Summary]
    ) -> Iterator[tuple[int, int, float, int | None, float]]:
        """The rows of its points; on the way, `changed` gets the summaries as they are with them."""
        component = waiting.component
        before = self._taken(component, waiting.read)
        for place, (name, point) in enumerate(waiting.points):
            if waiting.read and waiting.read[place].upto <= before[waiting.read[place].source]:
                continue
            key = (component, name)
            summary = changed.get(key) or self._known.get(key) or self._found(component, name)
            if summary is None:
                waiting.refused.append(place)
                continue
            yield (summary.id, summary.count, *point)
            changed[key] = summary.plus(point)
        upto = {read.source: read.upto for read in sorted(waiting.read)}
        for source, end in upto.items():
            if end > before[source]:
                self._writer.execute("INSERT OR REPLACE INTO taken VALUES (?, ?, ?)", (component, source, end))

    def _taken(self, component: str, read: Sequence[Read]) -> Mapping[str, int]:
        found = {}
        for source in {each.source for each in read}:
            row = self._writer.execute(_TAKEN, (component, source)).fetchone()
            found[source] = row[0] if row else 0
        return found

    def _found(self, component: str, name: str) -> Summary | None:
        """The summary of a metric, which is made where it is new; None where there are too many already."""
        sql = f"SELECT {_SERIES} FROM series WHERE component = ? AND name = ?"  # noqa: S608 - ours
        row = self._writer.execute(sql, (component, name)).fetchone()
        if row is not None:
            return Summary(*row)
        (count,) = self._writer.execute("SELECT COUNT(*) FROM series WHERE component = ?", (component,)).fetchone()
        if count >= MOST_METRICS:
            return None
        made = self._writer.execute("INSERT INTO series VALUES (NULL, ?, ?, 0, 0, 0, 0, 0, 0, 0)", (component, name))
        assert made.lastrowid is not None
        return Summary(made.lastrowid, name)

    def _remember(self, changed: Mapping[tuple[str, str], Summary]) -> None:
        for key, summary in changed.items():
            self._known[key] = summary
            self._known.move_to_end(key)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def _bounded(value: float) -> float:
    # Infinity cannot be written down; values near the largest number may lead there.
    return max(-sys.float_info.max, min(sys.float_info.max, value))
