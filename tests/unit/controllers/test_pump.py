"""Every line once, in order, whoever dies when; and the metrics in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from sagewright.compute.base import LogLine, Task
from sagewright.compute.fake import Plan
from sagewright.controllers import pump as pump_module
from sagewright.controllers.pump import NAMESPACE, final_metrics, find_metrics, last_lines, narrator, pump
from sagewright.resources.record import Key, Record
from sagewright.telemetry.metrics import Metric

from .conftest import ACCOUNT, REGION, Bench, Killed

RECORD = Record(Key(ACCOUNT, REGION, "training-job", "", "j"), "u", 0.0, 0.0)
LOSS = {"Name": "loss", "Regex": "loss=([0-9.a-z]+)"}


@pytest.fixture
def task(bench: Bench) -> str:
    """A task that runs and says what it is told to."""
    bench.engine.plan("*", Plan(after=None))
    bench.engine.start(Task("t", ["x"]))
    return "t"


def carry(bench: Bench, **options: Any) -> dict[str, tuple[float, float]]:
    return pump(bench.platform, RECORD, "t", group="g", stream="s", **options)


def test_each_line_is_carried_once(bench: Bench, task: str) -> None:
    assert carry(bench) == {}
    bench.engine.say(task, "one", "two")
    carry(bench)
    carry(bench)
    bench.engine.say(task, "three")
    carry(bench)
    assert bench.lines("g") == ["one", "two", "three"]


def test_tabs_are_spelled_as_the_log_agent_does(bench: Bench, task: str) -> None:
    bench.engine.say(task, "[0]\ttrain-rmse:1")
    carry(bench)
    assert bench.lines("g") == ["[0]#011train-rmse:1"]


def test_a_pump_that_died_goes_on_where_it_was(bench: Bench, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump_module, "_BATCH", 3)
    bench.engine.say(task, *(f"line {number}" for number in range(10)))
    logs = bench.logs.at(ACCOUNT, REGION)
    append = logs.append_from
    calls = []

    def dies(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 3:
            raise Killed
        append(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(logs, "append_from", dies)
        with pytest.raises(Killed):
            carry(bench)
    assert len(bench.lines("g")) == 6
    carry(bench)
    assert bench.lines("g") == [f"line {number}" for number in range(10)]


def test_short_pieces_are_not_the_end(bench: Bench, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine gives fewer lines than it is asked for when they are long: only nothing is the end."""
    bench.engine.say(task, "one", "two", "three")
    logs = bench.engine.logs

    def one_by_one(task_id: str, *, offset: int, limit: int = 0) -> Sequence[LogLine]:
        return logs(task_id, offset=offset, limit=1)

    monkeypatch.setattr(bench.engine, "logs", one_by_one)
    carry(bench, ended=True)
    assert bench.lines("g") == ["one", "two", "three"]


def test_a_task_that_never_stops_talking_does_not_hold_the_pump(
    bench: Bench, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pump_module, "_BATCH", 10)
    logs = bench.engine.logs
    asked = []

    def talkative(task_id: str, *, offset: int, limit: int = 0) -> Sequence[LogLine]:
        asked.append(offset)
        assert len(asked) < 100
        bench.engine.say(task, *["more"] * 10)
        return logs(task_id, offset=offset, limit=limit)

    with monkeypatch.context() as patch:
        patch.setattr(bench.engine, "logs", talkative)
        carry(bench)
    bench.engine.end(task)
    carry(bench, ended=True)
    assert len(bench.lines("g")) == 10 * len(asked), "the rest is carried when it has ended"


def test_what_is_prepared_is_said_once_as_it_happens(bench: Bench, task: str) -> None:
    for _ in range(2):
        say = narrator(bench.platform, RECORD, group="g", stream="s")
        say("cut down")
        say("ready")
    assert bench.lines("g") == ["sagewright: cut down", "sagewright: ready"]
    bench.engine.say(task, "one")
    carry(bench)
    assert bench.lines("g")[-1] == "one"


def test_metrics_go_to_the_jobs_own_account_and_region(bench: Bench, task: str) -> None:
    bench.engine.say(task, "loss=0.5", "nothing", "loss=0.25")
    now = bench.clock.now()
    newest = carry(bench, metrics=[LOSS], dimensions={"TrainingJobName": "j"})
    ((name, (value, when)),) = newest.items()
    assert (name, value, round(when)) == ("loss", 0.25, round(now))
    metric = Metric(NAMESPACE, "loss", {"TrainingJobName": "j"})
    (period,) = bench.metrics.at(ACCOUNT, REGION).query(metric, now - 60, now + 60, 3600)
    assert (period.statistic("Sum"), period.statistic("SampleCount")) == (0.75, 2)
    assert bench.metrics.query(metric, now - 60, now + 60, 3600) == []


@pytest.mark.parametrize(
    ("regex", "line", "found"),
    [
        ("loss=([0-9.]+)", "loss=0.5 loss=0.4", [("m", 0.5)]),
        ("loss=(.*)", "loss=nan", []),
        ("loss=(.*)", "loss=-inf", []),
        ("loss=(.*)", "loss=none", []),
        ("loss=.*", "loss=1", []),
        ("a(loss=(x))?", "a", []),
        ("([", "loss=1", []),
        ("(a+)+$", "a" * 5000 + "b", []),
    ],
)
def test_a_pattern_finds_a_number_or_nothing(regex: str, line: str, found: list[tuple[str, float]]) -> None:
    assert list(find_metrics(line, [{"Name": "m", "Regex": regex}])) == found


def test_the_last_lines_are_the_last(bench: Bench, task: str) -> None:
    bench.engine.say(task, *(str(number) for number in range(50)))
    assert last_lines(bench.platform, task, count=3) == ["47", "48", "49"]
    assert last_lines(bench.platform, "unknown") == []


def test_final_metrics_are_the_newest_of_each() -> None:
    known = [{"MetricName": "a", "Value": 1.0, "Timestamp": 1.0}, {"MetricName": "b", "Value": 2.0, "Timestamp": 1.0}]
    assert final_metrics(known, {"b": (3.0, 9.0), "c": (4.0, 9.0)}) == [
        known[0],
        {"MetricName": "b", "Value": 3.0, "Timestamp": 9.0},
        {"MetricName": "c", "Value": 4.0, "Timestamp": 9.0},
    ]
