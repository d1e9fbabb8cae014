"""What telemetry says in a folder it says in a shared database too, whichever server is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sagewright.base.errors import AlreadyExists
from sagewright.store.postgres import PostgresStore
from sagewright.store.shared_tables import METRICS, SharedTables
from sagewright.telemetry.component_metrics import Point as ComponentPoint
from sagewright.telemetry.component_metrics import Read
from sagewright.telemetry.logs import Logs, NoSuchGroup, NoSuchStream
from sagewright.telemetry.metrics import Metric, Metrics, Point
from sagewright.telemetry.shared_logs import SharedLogs
from sagewright.testing.clock import ManualClock
from sagewright.testing.postgres import NoPostgres, Postgres, serving

GROUP, STREAM = "/aws/sagemaker/TrainingJobs", "job/algo-1"


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    try:
        with serving() as started:
            yield started
    except NoPostgres as error:
        pytest.skip(str(error))


@pytest.fixture
def stores(database: Postgres) -> Iterator[tuple[PostgresStore, PostgresStore]]:
    """Two servers' ways to one database."""
    url = database.new_database()
    one, other = PostgresStore(url), PostgresStore(url)
    yield one, other
    one.close()
    other.close()


@pytest.fixture(params=["folder", "shared"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Logs, Logs]:
    """The logs of two servers, or the same of one twice."""
    if request.param == "folder":
        logs = Logs(tmp_path, ManualClock())
        return logs, logs
    one, other = request.getfixturevalue("stores")
    clock = ManualClock()
    return SharedLogs(SharedTables(one), clock), SharedLogs(SharedTables(other), clock)


def test_lines_of_one_server_are_read_at_another_once(both: tuple[Logs, Logs]) -> None:
    one, other = both
    one.append_from(GROUP, STREAM, [(1, "note", 0), (1, "eins\t\x00 ü \U0001f600", 2), (2, "b", 4)])
    other.append_from(GROUP, STREAM, [(2, "b", 4), (3, "c", 6)])
    assert [event.message for event in one.events(GROUP, STREAM).events] == [
        "note",
        "eins\t\x00 ü \U0001f600",
        "b",
        "c",
    ]
    assert one.source_offset(GROUP, STREAM) == other.source_offset(GROUP, STREAM) == 6
    assert other.stream(GROUP, STREAM)[1:4] == one.stream(GROUP, STREAM)[1:4]
    assert other.group_size(GROUP) > 0


def test_pages_go_on_where_they_ended_while_the_stream_grows(both: tuple[Logs, Logs]) -> None:
    one, other = both
    one.append_from(GROUP, STREAM, [(time, f"{time}", 0) for time in (5, 3, 9, 3, 7)])
    first = one.events(GROUP, STREAM, limit=2)
    assert [event.timestamp for event in first.events] == [3, 3]
    other.append_from(GROUP, STREAM, [(8, "late", 0)])
    rest = other.events(GROUP, STREAM, mark=first.after, limit=10)
    assert [event.timestamp for event in rest.events] == [5, 7, 8, 9]
    assert one.events(GROUP, STREAM, mark=rest.after).events == ()
    back = one.events(GROUP, STREAM, mark=rest.before, forward=False)
    assert [event.timestamp for event in back.events] == [3, 3]
    assert [event.timestamp for event in one.events(GROUP, STREAM, 4, 8).events] == [5, 7]
    tail = one.events(GROUP, STREAM, limit=2, forward=False)
    assert [event.timestamp for event in tail.events] == [8, 9]


def test_groups_and_streams(both: tuple[Logs, Logs]) -> None:
    one, other = both
    one.create_group("a", tags={"k": "v"})
    with pytest.raises(AlreadyExists):
        other.create_group("a")
    for name in ("s/2", "s/1", "t"):
        one.create_stream("a", name)
    with pytest.raises(AlreadyExists):
        other.create_stream("a", "t")
    one.put("a", "s/1", [(10, "x")])
    other.put("a", "t", [(20, "y")])
    assert other.group("a").tags == {"k": "v"}
    assert [info.name for info in other.streams("a", "s/")] == ["s/1", "s/2"]
    assert [info.name for info in other.streams("a", descending=True, after=(0, "t"))] == ["s/2", "s/1"]
    assert [info.name for info in other.streams("a", order_by="last", descending=True, limit=2)] == ["t", "s/1"]
    assert [info.name for info in other.streams("a", order_by="last", after=(10, "s/1"))] == ["t"]
    assert other.names("a") == ["s/1", "s/2", "t"]
    assert [(name, event.message) for name, event in other.merged("a", ["t", "s/1"])] == [("s/1", "x"), ("t", "y")]
    one.delete_stream("a", "t")
    with pytest.raises(NoSuchStream):
        other.events("a", "t")
    one.delete_group("a")
    with pytest.raises(NoSuchGroup):
        other.put("a", "s/1", [(1, "x")])


def test_events_that_a_group_no_longer_shows_go(stores: tuple[PostgresStore, PostgresStore]) -> None:
    clock = ManualClock()
    logs = SharedLogs(SharedTables(stores[0]), clock)
    day = 86_400_000
    logs.append_from(GROUP, STREAM, [(logs.now - 3 * day, "old", 0), (logs.now, "new", 0)])
    logs.change_group(GROUP, lambda info: type(info)(info.name, info.created, retention_days=1))
    logs.expire()
    logs.change_group(GROUP, lambda info: type(info)(info.name, info.created))
    assert [event.message for event in logs.events(GROUP, STREAM).events] == ["new"]


def test_datapoints_of_two_servers_add_up(stores: tuple[PostgresStore, PostgresStore], tmp_path: Path) -> None:
    clock = ManualClock()
    one, other = (Metrics(tmp_path, clock, shared=SharedTables(store, METRICS)) for store in stores)
    metric = Metric("n", "Invocations", {"EndpointName": "e"})
    one.put_many([(metric, Point.of(60, 1, count=3))])
    other.put_many([(metric, Point.of(60, 1, count=4)), (metric, Point.of(120, 5))])
    assert [period.sum for period in one.query(metric, 0, 200, 60)] == [7, 5]
    assert other.list("n").metrics == [metric]
    assert one.list("n", since=500).metrics == []
    other.thin()
    assert one.list("n").metrics == []  # so long ago that nobody keeps it


def test_points_of_components_are_numbered_across_servers(
    stores: tuple[PostgresStore, PostgresStore], tmp_path: Path
) -> None:
    one, other = (Metrics(tmp_path, ManualClock(), shared=SharedTables(store, METRICS)).components for store in stores)
    one.put("c", [("loss", ComponentPoint(1, 0, 4.0))], [Read("log", 10)])
    other.put(
        "c",
        [("loss", ComponentPoint(1, 0, 4.0)), ("loss", ComponentPoint(2, 1, 2.0))],
        [Read("log", 10), Read("log", 20)],
    )
    one.put("c", [("loss", ComponentPoint(3, 2, 3.0))])
    assert [point.value for point in other.points("c", "loss")] == [4.0, 2.0, 3.0]
    (summary,) = one.summaries("c")
    assert (summary.count, summary.mean, summary.last) == (3, 3.0, 3.0)
    assert other.taken("c", "log") == 20
    other.forget("c")
    assert one.summaries("c") == []
