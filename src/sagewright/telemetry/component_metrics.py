"""Metrics of trial components: every point, in the order it came in, and a summary of each metric.

    DATA/metrics/components.db     SQLite: a row per metric with its summary, and a row per point

Servers that share a database in PostgreSQL keep the same tables there, under names that begin with `component_`.

Components are known by the uid of their record, which no later one of the same name has. Mean and deviation are carried
along by Welford's method, so that no summary ever reads the points again.
"""

from __future__ import annotations

import asyncio
import math
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from sagewright.telemetry.database import Database, SqliteFile, Statements

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
_TAKEN: Final = "SELECT upto FROM @taken WHERE component = ? AND source = ?"
_NOW_TAKEN: Final = (
    "INSERT INTO @taken VALUES (?, ?, ?) ON CONFLICT (component, source) DO UPDATE SET upto = excluded.upto"
)
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

    def __init__(self, folder: Path, *, shared: Database | None = None) -> None:
        """In `folder`, or in a database that is `shared` with other servers."""
        self._database: Database = shared or SqliteFile(folder / "components.db", _SCHEMA)
        self._prefix = "component_" if shared is not None else ""
        self._queueing, self._writing = threading.Lock(), threading.Lock()
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
                f"SELECT component, {_SERIES} FROM @series WHERE component IN ({','.join('?' * len(some))}) "  # noqa: S608 - ours
                "ORDER BY component, name"
            )
            rows = self._read(sql, some)
            for component, *row in rows:
                found.setdefault(component, []).append(Summary(*row))
        return found

    def points(self, component: str, name: str) -> Iterator[Point]:
        """All points of a metric, in the order they came in."""
        rows = self._read(
            "SELECT time, step, value FROM @point "
            "WHERE series = (SELECT id FROM @series WHERE component = ? AND name = ?) ORDER BY seq",
            (component, name),
        )
        return (Point(*row) for row in rows)

    def taken(self, component: str, source: str) -> int:
        """How far a source was read; 0 at first."""
        rows = self._read(_TAKEN, (component, source))
        return rows[0][0] if rows else 0

    def forget(self, component: str) -> None:
        """Remove everything of a component."""
        with self._writing:
            for key in [key for key in self._known if key[0] == component]:
                del self._known[key]
            with self._database.writing() as database:
                for sql in (
                    "DELETE FROM @point WHERE series IN (SELECT id FROM @series WHERE component = ?)",
                    "DELETE FROM @series WHERE component = ?",
                    "DELETE FROM @taken WHERE component = ?",
                ):
                    database.execute(self._sql(sql), (component,))

    def close(self) -> None:
        """Let go of the file. Calling it twice is fine."""
        self._closed = True
        self._brought.set()
        if self._thread is not None:
            self._thread.join()
        with self._writing:
            self._database.close()

    def _read(self, sql: str, values: Sequence[object]) -> Sequence[Any]:
        with self._database.reading() as database:
            return database.execute(self._sql(sql), values).fetchall()

    def _sql(self, text: str) -> str:
        """A statement with the tables' names."""
        return text.replace("@", self._prefix)

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
            with self._database.writing() as database:
                rows = [row for waiting in batch for row in self._rows(database, waiting, changed)]
                database.executemany(self._sql("INSERT INTO @point VALUES (?, ?, ?, ?, ?)"), rows)
                database.executemany(
                    self._sql(
                        "UPDATE @series SET count = ?, mean = ?, squares = ?, minimum = ?, maximum = ?, last = ?, "
                        "time = ? WHERE id = ?"
                    ),
                    [(s.count, s.mean, s.squares, s.minimum, s.maximum, s.last, s.time, s.id)
                     for s in changed.values()],
                )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - it is raised where the points came from
            for waiting in batch:
                waiting.error = error
        else:
            if not self._database.shared:
                self._remember(changed)
        for waiting in batch:
            waiting.done = True
            waiting.tell()

    def _rows(
        self, database: Statements, waiting: _Waiting, changed: dict[tuple[str, str], Summary]
    ) -> Iterator[tuple[int, int, float, int | None, float]]:
        """The rows of its points; on the way, `changed` gets the summaries as they are with them."""
        component = waiting.component
        before = self._taken(database, component, waiting.read)
        for place, (name, point) in enumerate(waiting.points):
            if waiting.read and waiting.read[place].upto <= before[waiting.read[place].source]:
                continue
            key = (component, name)
            summary = changed.get(key) or self._known.get(key) or self._found(database, component, name)
            if summary is None:
                waiting.refused.append(place)
                continue
            yield (summary.id, summary.count, *point)
            changed[key] = summary.plus(point)
        upto = {read.source: read.upto for read in sorted(waiting.read)}
        for source, end in upto.items():
            if end > before[source]:
                database.execute(self._sql(_NOW_TAKEN), (component, source, end))

    def _taken(self, database: Statements, component: str, read: Sequence[Read]) -> Mapping[str, int]:
        found = {}
        for source in {each.source for each in read}:
            row = database.execute(self._sql(_TAKEN), (component, source)).fetchone()
            found[source] = row[0] if row else 0
        return found

    def _found(self, database: Statements, component: str, name: str) -> Summary | None:
        """The summary of a metric, which is made where it is new; None where there are too many already."""
        sql = f"SELECT {_SERIES} FROM @series WHERE component = ? AND name = ?"  # noqa: S608 - ours
        row = database.execute(self._sql(sql), (component, name)).fetchone()
        if row is not None:
            return Summary(*row)
        counted = database.execute(self._sql("SELECT COUNT(*) FROM @series WHERE component = ?"), (component,))
        if counted.fetchone()[0] >= MOST_METRICS:
            return None
        sql = (
            "INSERT INTO @series (component, name, count, mean, squares, minimum, maximum, last, time) "
            "VALUES (?, ?, 0, 0, 0, 0, 0, 0, 0) RETURNING id"
        )
        return Summary(database.execute(self._sql(sql), (component, name)).fetchone()[0], name)

    def _remember(self, changed: Mapping[tuple[str, str], Summary]) -> None:
        for key, summary in changed.items():
            self._known[key] = summary
            self._known.move_to_end(key)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def _bounded(value: float) -> float:
    # Infinity cannot be written down; values near the largest number may lead there.
    return max(-sys.float_info.max, min(sys.float_info.max, value))
