"""Cars by model year (samples/auto-mpg.csv), and what was known of them at a moment: SQL of Athena's, and the same by
pandas.

`name` tells a car, which comes back in other model years. One year comes late, so that the three times of a row, when
it was true, when it was put and since when it can be read, say different things.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

COLUMNS = ["name", "event_time", "mpg", "weight", "cyl"]
LATE = 1973
"""The model year that is put after all others."""
MANY = 35
"""Cars of a year; two years have more."""
MOMENT = "1975-12-31T23:59:59Z"
_PUT, _WRITTEN = 1974, 1977
"""The last model years that are known at moments of the other two times."""
_KNOWN = """
SELECT {columns} FROM (
    SELECT *, row_number() OVER (
        PARTITION BY name ORDER BY event_time DESC, api_invocation_time DESC, write_time DESC) AS nth
    FROM "{table}" WHERE {condition})
WHERE nth = 1 AND NOT is_deleted ORDER BY name
"""


def cars() -> pd.DataFrame:
    """As they are put: by years, the late one last. Of two in the same year the later one stands for both, because
    workers put rows in any order."""
    read = pd.read_csv(Path(__file__).with_name("samples") / "auto-mpg.csv")
    rows = read.assign(event_time="19" + read["yr"].astype(str) + "-07-01T00:00:00Z")[COLUMNS]
    rows = rows.drop_duplicates(["name", "event_time"], keep="last")
    return rows.sort_values("event_time", kind="stable", key=lambda times: times.str[:4].map(_turn), ignore_index=True)


def _turn(year: str) -> int:
    return 9999 if int(year) == LATE else int(year)


class ByYear:
    """One ingestion for each model year, and the moments in between that are asked about."""

    def __init__(
        self, rows: pd.DataFrame, ingest: Callable[[pd.DataFrame], Any], arrived: Callable[[int], Any]
    ) -> None:
        """`ingest` puts the rows of a year, `arrived` waits until so many rows are in the table."""
        self._rows = rows
        self._moments: dict[str, tuple[str, pd.DataFrame]] = {
            "event_time": (MOMENT, rows[rows["event_time"] <= MOMENT])
        }
        done = 0
        for year, some in rows.groupby(rows["event_time"].str[:4].astype(int).where(lambda y: y != LATE, 9999)):
            ingest(some)
            done += len(some)
            if year == _PUT:
                self._moments["api_invocation_time"] = _now(), rows[:done]
            if year == _WRITTEN:
                arrived(done)
                self._moments["write_time"] = _now(), rows[:done]
        arrived(done)

    def questions(self, table: str) -> Iterator[tuple[str, pd.DataFrame]]:
        """For each of the three times, what is asked of a table, and what pandas answers."""
        for kind, (moment, known) in self._moments.items():
            literal = f"'{moment}'" if kind == "event_time" else f"timestamp '{moment}'"
            yield (
                _KNOWN.format(columns=", ".join(COLUMNS), table=table, condition=f"{kind} <= {literal}"),
                newest(known),
            )


def newest(rows: pd.DataFrame) -> pd.DataFrame:
    """The last row of each car."""
    found = rows.sort_values("event_time", kind="stable").groupby("name").tail(1)
    return found.sort_values("name", ignore_index=True)


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """The same rows; clients have types of their own for texts and whole numbers."""
    assert len(expected) > 0
    pd.testing.assert_frame_equal(found.astype(expected.dtypes), expected)


def _now() -> str:
    """A moment of its own: times of rows have milliseconds."""
    time.sleep(0.002)
    moment = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    time.sleep(0.002)
    return moment
