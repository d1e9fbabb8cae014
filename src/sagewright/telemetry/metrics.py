"""Metrics, as CloudWatch has them: datapoints by namespace, name and dimensions, and statistics over periods.

    DATA/metrics/metrics.db     SQLite: a row per metric, and a row per datapoint, sorted by metric and time

Servers that share a database in PostgreSQL keep the same tables there.

Times are epoch seconds. A datapoint is a value with a weight, or a statistic set.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from sagewright.base.clock import Clock
from sagewright.base.errors import Transient
from sagewright.base.settings import DEFAULT_ACCOUNT, DEFAULT_REGION
from sagewright.telemetry import metrics_retention
from sagewright.telemetry.component_metrics import ComponentMetrics
from sagewright.telemetry.database import Database, SqliteFile, Statements
from sagewright.telemetry.metrics_statistics import statistic

_log = logging.getLogger(__name__)

_HOUR: Final = 3600
_BREATH: Final = 0.01
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS metric (
    id INTEGER PRIMARY KEY, place TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    dimensions TEXT NOT NULL, UNIQUE (place, namespace, name, dimensions)
);
CREATE INDEX IF NOT EXISTS metric_by_namespace ON metric (place, namespace, name, id);
CREATE INDEX IF NOT EXISTS metric_by_place ON metric (place, namespace, id);
CREATE TABLE IF NOT EXISTS point (
    metric INTEGER NOT NULL, time REAL NOT NULL, seq INTEGER NOT NULL, count REAL NOT NULL, sum REAL NOT NULL,
    minimum REAL NOT NULL, maximum REAL NOT NULL, unit TEXT NOT NULL, PRIMARY KEY (metric, time, seq)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Metric:
    """What a series of datapoints is known by."""

    namespace: str
    name: str
    dimensions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Point:
    """A datapoint: `count` samples at one time."""

    time: float
    count: float
    sum: float
    minimum: float
    maximum: float
    unit: str = "None"

    @classmethod
    def of(cls, time: float, value: float, unit: str = "None", count: float = 1) -> Point:
        """`count` samples of one value."""
        return cls(time, count, value * count, value, value, unit)


@dataclass(slots=True)
class Period:
    """The samples of one unit in one period."""

    start: float
    unit: str
    count: float = 0
    sum: float = 0
    minimum: float = float("inf")
    maximum: float = float("-inf")
    samples: list[tuple[float, float]] = field(default_factory=list)
    """(value, weight) of each; statistic sets, which do not say their values, are missing."""

    def add(self, point: Point) -> None:
        self.count += point.count
        self.sum += point.sum
        self.minimum = min(self.minimum, point.minimum)
        self.maximum = max(self.maximum, point.maximum)
        if point.minimum == point.maximum:
            self.samples.append((point.minimum, point.count))

    def statistic(self, name: str) -> float | None:
        """A statistic by CloudWatch's name for it (`metrics_statistics.py`).

        None where that cannot be known. Raises ValueError for other names.
        """
        return statistic(name)(self)


class ListPage(NamedTuple):
    """Some metrics, and where the next page begins (None at the end)."""

    metrics: Sequence[Metric]
    next: int | None


class Metrics:
    """The metrics of one account and region; `at` gives those of another. Any thread may call any method."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        account: str = DEFAULT_ACCOUNT,
        region: str = DEFAULT_REGION,
        shared: Database | None = None,
    ) -> None:
        """In `folder`, or in a database that is `shared` with other servers."""
        self._clock = clock
        self._place = f"{account}/{region}"
        self._files: Database = shared or SqliteFile(folder / "metrics.db", _SCHEMA + metrics_retention.SCHEMA)
        self.components = ComponentMetrics(folder, shared=shared)
        """Those of trial components, which are told point by point."""

    def at(self, account: str, region: str) -> Metrics:
        """The metrics of another account and region."""
        other = object.__new__(Metrics)
        other._clock, other._place, other._files = self._clock, f"{account}/{region}", self._files
        other.components = self.components
        return other

    def put(
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        time: float | None,
        value: float,
        unit: str = "None",
    ) -> None:
        """Write one sample down, of now if no time is given; durable on return."""
        when = self._clock.now() if time is None else time
        self.put_many([(Metric(namespace, name, dimensions), Point.of(when, value, unit))])

    def put_many(self, points: Sequence[tuple[Metric, Point]]) -> None:
        """Write datapoints down, all or none; durable on return."""
        with self._files.writing() as database:
            for metric, point in points:
                row = (self._place, metric.namespace, metric.name, _spell(metric.dimensions))
                database.execute(
                    "INSERT INTO metric (place, namespace, name, dimensions) VALUES (?, ?, ?, ?) "
                    "ON CONFLICT DO NOTHING",
                    row,
                )
                place = (self._find(database, row), point.time)
                database.execute(
                    "INSERT INTO point VALUES (?, ?, "
                    "(SELECT COALESCE(MAX(seq), 0) + 1 FROM point WHERE metric = ? AND time = ?), ?, ?, ?, ?, ?)",
                    (*place, *place, point.count, point.sum, point.minimum, point.maximum, point.unit),
                )

    def query(
        self,
        metric: Metric,
        start: float,
        end: float,
        period: float,
        *,
        unit: str | None = None,
        origin: float = 0,
    ) -> Sequence[Period]:
        """The periods with samples in start <= time < end, in order of time, by unit; `period` in seconds.

        Periods begin at whole multiples of their length after `origin`. The cost is that of the window's datapoints.
        """
        row = (self._place, metric.namespace, metric.name, _spell(metric.dimensions))
        with self._files.reading() as database:
            identity = self._find(database, row)
            rows = database.execute(
                "SELECT time, count, sum, minimum, maximum, unit FROM point "
                "WHERE metric = ? AND time >= ? AND time < ? ORDER BY time",
                (identity, start, end),
            ).fetchall()
        periods: dict[tuple[float, str], Period] = {}
        for point in (Point(*values) for values in rows):
            if unit is None or unit == point.unit:
                at = ((point.time - origin) // period * period + origin, point.unit)
                periods.setdefault(at, Period(*at)).add(point)
        return [periods[at] for at in sorted(periods)]

    def list(
        self,
        namespace: str | None = None,
        name: str | None = None,
        dimensions: Mapping[str, str | None] | None = None,
        *,
        since: float | None = None,
        after: int = 0,
        limit: int = 500,
    ) -> ListPage:
        """At most `limit` metrics, oldest first, that have all the `dimensions` (None is any value).

        `since` leaves out those without a datapoint at that time or later; `after` is a page's `next`.
        """
        found: list[Metric] = []
        # Conditions that are not there are not written, so that each question has an index that it walks in order.
        conditions, values = ["place = ?", "id > ?"], [self._place, after]
        for condition, value in (
            ("namespace = ?", namespace),
            ("name = ?", name),
            ("EXISTS (SELECT 1 FROM point WHERE metric = metric.id AND time >= ?)", since),
        ):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        with self._files.reading() as database:
            rows = database.execute(
                f"SELECT id, namespace, name, dimensions FROM metric WHERE {' AND '.join(conditions)} ORDER BY id",  # noqa: S608 - ours
                values,
            )
            for identity, own_namespace, own_name, spelled in rows:
                own = dict(orjson.loads(spelled))
                if _has(own, dimensions or {}):
                    if len(found) == limit:
                        return ListPage(found, after)
                    found.append(Metric(own_namespace, own_name, own))
                after = identity
        return ListPage(found, None)

    def thin(self, pause: Callable[[], object] = lambda: None) -> None:
        """Make old datapoints coarser, of all accounts and regions, and remove the oldest (`metrics_retention.py`).

        `pause` is called now and then, for others to have their turn.
        """
        metrics_retention.thin(self._files.writing, self._clock.now(), pause)

    def thin_hourly(self, stop: threading.Event) -> None:
        """Until `stop`."""
        while not stop.wait(_HOUR):
            try:
                self.thin(lambda: stop.wait(_BREATH))
            except (sqlite3.Error, Transient):
                _log.exception("old datapoints could not be made coarser; that is tried again in an hour")

    def close(self) -> None:
        """Let go of the file. Calling it twice is fine."""
        self._files.close()
        self.components.close()

    @staticmethod
    def _find(database: Statements, row: tuple[str, str, str, str]) -> int | None:
        found = database.execute(
            "SELECT id FROM metric WHERE place = ? AND namespace = ? AND name = ? AND dimensions = ?", row
        ).fetchone()
        return found[0] if found else None


def _spell(dimensions: Mapping[str, str]) -> str:
    return orjson.dumps(sorted(dimensions.items())).decode()


def _has(own: Mapping[str, str], wanted: Mapping[str, str | None]) -> bool:
    return all(name in own and value in (None, own[name]) for name, value in wanted.items())
