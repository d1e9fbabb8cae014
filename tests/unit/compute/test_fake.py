"""What the fake can do beyond the port, for tests of controllers."""

from __future__ import annotations

import pytest

from sagewright.base.clock import SystemClock
from sagewright.base.errors import Terminal, Transient
from sagewright.compute.base import Task
from sagewright.compute.fake import FakeEngine, Plan
from sagewright.testing.clock import ManualClock


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(ManualClock(1000.0), Plan(after=None))


def test_plans_are_chosen_by_id_the_newest_first(engine: FakeEngine) -> None:
    engine.plan("train-*", Plan(exit_code=1))
    engine.plan("train-2", Plan(exit_code=2))
    for name in ("train-1", "train-2", "other"):
        engine.start(Task(name, ["x"]))
    assert [engine.inspect(name).exit_code for name in ("train-1", "train-2", "other")] == [1, 2, None]


@pytest.mark.parametrize("error", [Transient("later"), Terminal("never")])
def test_a_start_can_fail_and_be_tried_again(engine: FakeEngine, error: Transient | Terminal) -> None:
    engine.plan("t", Plan(start_error=error))
    with pytest.raises(type(error)):
        engine.start(Task("t", ["x"]))
    assert engine.inspect("t").phase == "unknown"
    engine.plan("t", Plan())
    engine.start(Task("t", ["x"]))
    assert [task.id for task in engine.started] == ["t"]


def test_time_ends_tasks_and_wakes_watchers(engine: FakeEngine) -> None:
    engine.plan("t", Plan(after=30, out_of_memory=True, exit_code=137))
    engine.start(Task("t", ["x"]))
    woken: list[int] = []
    engine.watch("t", lambda: woken.append(1))
    engine.advance(29)
    assert (engine.inspect("t").phase, woken) == ("running", [])
    engine.advance(100)
    state = engine.inspect("t")
    assert (state.exit_code, state.out_of_memory, state.started, state.ended) == (137, True, 1000.0, 1030.0)
    assert woken == [1]


def test_tasks_can_be_lost_ended_and_made_to_speak(engine: FakeEngine) -> None:
    engine.plan("gone", Plan(after=5, lost=True))
    for name in ("gone", "told", "vanishing"):
        engine.start(Task(name, ["x"]))
    engine.say("told", "one", "two")
    engine.end("told", 3)
    engine.lose("vanishing")
    engine.advance(5)
    assert [engine.inspect(name).phase for name in ("gone", "told", "vanishing")] == ["lost", "exited", "lost"]
    assert [line.message for line in engine.logs("told", offset=0)] == ["one", "two"]


def test_stops_are_remembered_and_graces_run_on_the_clock(engine: FakeEngine) -> None:
    engine.plan("deaf", Plan(after=None, on_stop=None))
    engine.start(Task("deaf", ["x"]))
    engine.stop("deaf", grace=120)
    engine.advance(119)
    assert engine.inspect("deaf").phase == "running"
    engine.advance(1)
    assert engine.inspect("deaf").exit_code == 137
    assert engine.stops == [("deaf", 120)]


def test_a_real_clock_cannot_be_moved() -> None:
    with pytest.raises(TypeError, match="ManualClock"):
        FakeEngine(SystemClock()).advance(1)
