"""Old datapoints become coarser, and in the end go, as CloudWatch has it.

Those that are closer together than a minute stay so for three hours; after 15 days there is one in five minutes, after
63 days one in an hour, after 455 days none. Coarser means fewer datapoints for the same samples: sums, counts and
extremes stay what they are, percentiles are right within five percent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Final

from sagewright.telemetry.database import Statements
from sagewright.telemetry.metrics_distribution import Distribution

SCHEMA: Final = "CREATE TABLE IF NOT EXISTS coarse (step INTEGER PRIMARY KEY, upto REAL NOT NULL);"
"""By seconds between datapoints: until which time they have become so."""
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
TIERS: Final = ((3 * _HOUR, _MINUTE), (15 * _DAY, 5 * _MINUTE), (63 * _DAY, _HOUR))
"""Seconds after which datapoints become coarser, and seconds between them then."""
LONGEST: Final = 455 * _DAY
_AT_A_TIME: Final = 5
"""Metrics that are written in one transaction: whoever else writes waits for no longer."""

Writing = Callable[[], AbstractContextManager[Statements]]
_Row = tuple[float, float, float, float, float, str]
"""time, count, sum, minimum, maximum, unit"""


def thin(writing: Writing, now: float, pause: Callable[[], object]) -> None:
    """Make those datapoints coarser that have become old enough, and remove the oldest.

    `writing` is a transaction; `pause` is called between two of them, for others to have their turn.
    """
    with writing() as database:
        metrics = [identity for (identity,) in database.execute("SELECT id FROM metric")]
        done = dict(database.execute("SELECT step, upto FROM coarse").fetchall())
    ranges = [(step, done.get(step, 0.0), (now - age) // step * step) for age, step in TIERS]
    for first in range(0, len(metrics), _AT_A_TIME):
        with writing() as database:
            for metric in metrics[first : first + _AT_A_TIME]:
                for step, begin, end in ranges:
                    _coarsen(database, metric, step, begin, end)
                _expire(database, metric, now - LONGEST)
        pause()
    with writing() as database:
        database.executemany(
            "INSERT INTO coarse VALUES (?, ?) ON CONFLICT (step) DO UPDATE SET upto = excluded.upto",
            [(step, end) for step, _, end in ranges],
        )


def _coarsen(database: Statements, metric: int, step: int, begin: float, end: float) -> None:
    rows = database.execute(
        "SELECT time, count, sum, minimum, maximum, unit FROM point WHERE metric = ? AND time >= ? AND time < ?",
        (metric, begin, end),
    )
    periods: dict[float, list[_Row]] = {}
    for row in rows:
        periods.setdefault(row[0] // step * step, []).append(row)
    for start, some in periods.items():
        if any(time != start for time, *_ in some):
            database.execute(
                "DELETE FROM point WHERE metric = ? AND time >= ? AND time < ?", (metric, start, start + step)
            )
            database.executemany(
                "INSERT INTO point VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(metric, start, seq, *merged) for seq, merged in enumerate(_merged(some), 1)],
            )


def _merged(rows: Sequence[_Row]) -> Iterator[tuple[float, float, float, float, str]]:
    """count, sum, minimum, maximum and unit of fewer datapoints for the same samples."""
    for unit in dict.fromkeys(row[-1] for row in rows):
        values, sets = Distribution(), []
        for _, count, total, minimum, maximum, own in rows:
            if own != unit:
                continue
            if minimum == maximum:
                values.add(minimum, count)
            else:
                sets.append((count, total, minimum, maximum))
        yield from ((count, value * count, value, value, unit) for value, count in values.samples())
        if sets:
            counts, totals, minima, maxima = zip(*sets, strict=True)
            yield sum(counts), sum(totals), min(minima), max(maxima), unit


def _expire(database: Statements, metric: int, before: float) -> None:
    """The metric goes with the last of its datapoints."""
    if database.execute("DELETE FROM point WHERE metric = ? AND time < ?", (metric, before)).rowcount:
        database.execute(
            "DELETE FROM metric WHERE id = ? AND NOT EXISTS (SELECT 1 FROM point WHERE metric = ?)", (metric, metric)
        )
