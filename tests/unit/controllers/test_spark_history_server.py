"""The life of a Spark history server: it comes up or does not, follows its logs, and goes when it is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagewright.base.errors import AwsError
from sagewright.compute.base import Task
from sagewright.compute.fake import Plan
from sagewright.controllers import health
from sagewright.controllers.spark_history_server import KEPT_FAILED, START_TIMEOUT, SparkHistoryServers
from sagewright.resources.record import Key, Record
from sagewright.resources.spark_history_server import KIND, SESSION

from .conftest import ACCOUNT, REGION, Bench

KEY = Key(ACCOUNT, REGION, KIND, "", "h")
SERVES = Plan(after=None, on_stop=0, address=Path("/history"))


class Caller:
    """Whoever asked, who may read until they may not."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.may = bench, True

    def __call__(self, record: Record) -> object:
        if not self.may:
            raise AwsError("AccessDenied", "no more", status=403)
        return self.bench.files


@pytest.fixture
def caller(bench: Bench) -> Caller:
    return Caller(bench)


@pytest.fixture
def servers(bench: Bench, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> SparkHistoryServers:
    monkeypatch.setattr(health, "ask", lambda path, _: b"OK" if path == Path("/history") else None)
    bench.engine.plan("*", SERVES)
    bench.files.held["b", "logs/app-1"] = b"{}"
    now = bench.clock.now()
    bench.store.create(Record(KEY, "u", now, now, spec={"S3Uri": "s3://b/logs"}, state="Starting"))
    return SparkHistoryServers(bench.platform, bench.wake, caller, idle=900.0)  # type: ignore[arg-type]


def record(bench: Bench) -> Record | None:
    return bench.store.get(KEY)


def state(bench: Bench) -> str | None:
    found = record(bench)
    return None if found is None else found.state


def task_of(bench: Bench) -> Task:
    return bench.engine._runs["serve-history-u"].task


def serve(bench: Bench, servers: SparkHistoryServers) -> None:
    for _ in range(2):
        bench.look(servers, KEY)
    assert state(bench) == "InService"


def test_it_serves_the_logs_alone_and_without_a_network(bench: Bench, servers: SparkHistoryServers) -> None:
    serve(bench, servers)
    found = record(bench)
    assert found is not None
    assert found.status["serving"]["socket"] == "/history"
    task = task_of(bench)
    assert (task.network, task.environment["SAGEWRIGHT_IDLE_S"]) == ("none", "900.0")
    (logs,) = task.mounts
    assert (logs.writable, [path.name for path in logs.source.iterdir()]) == (False, ["app-1"])


def test_it_follows_what_comes(bench: Bench, servers: SparkHistoryServers) -> None:
    serve(bench, servers)
    bench.files.held["b", "logs/app-2"] = b"{}"
    assert bench.look(servers, KEY)
    (logs,) = task_of(bench).mounts
    assert sorted(path.name for path in logs.source.iterdir()) == ["app-1", "app-2"]


def test_when_its_task_has_ended_all_of_it_goes(bench: Bench, servers: SparkHistoryServers) -> None:
    serve(bench, servers)
    session = Record(Key(ACCOUNT, REGION, SESSION, "u", "s"), "x", 0, 0)
    bench.store.create(session)
    bench.engine.end("serve-history-u", 0)
    bench.look(servers, KEY)
    assert (state(bench), bench.store.get(session.key)) == (None, None)
    assert not (bench.folder / "tasks/serve-history-u").exists()


def test_it_ends_when_its_caller_may_not_read_any_more(
    bench: Bench, servers: SparkHistoryServers, caller: Caller
) -> None:
    serve(bench, servers)
    caller.may = False
    bench.look(servers, KEY)
    found = record(bench)
    assert found is not None
    assert (found.state, found.status) == ("Failed", {"FailureReason": "AccessDenied: no more"})
    bench.look(servers, KEY)
    assert not (bench.folder / "tasks/serve-history-u").exists()
    bench.clock.advance(KEPT_FAILED + 1)
    bench.look(servers, KEY)
    assert state(bench) is None


def test_one_that_ends_before_it_serves_says_what_it_said(bench: Bench, servers: SparkHistoryServers) -> None:
    bench.engine.plan("*", Plan(lines=["no java"], exit_code=1))
    for _ in range(2):
        bench.look(servers, KEY)
    found = record(bench)
    assert found is not None
    assert (found.state, "no java" in found.status["FailureReason"]) == ("Failed", True)


def test_one_that_does_not_come_up_is_ended(bench: Bench, servers: SparkHistoryServers) -> None:
    bench.engine.plan("*", Plan(after=None, on_stop=0, address=Path("/silent")))
    bench.look(servers, KEY)
    bench.clock.advance(START_TIMEOUT + 1)
    for _ in range(2):
        bench.look(servers, KEY)
    assert state(bench) == "Failed"
