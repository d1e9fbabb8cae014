"""Deployment configurations as stages: shares, instances, waits, ways back, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sagewright.resources.deployment import TERMINATION, WAIT, Course, Progress, Stage, back, forward, problem


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def instances(value: int) -> dict[str, Any]:
    return {"Type": "INSTANCE_COUNT", "Value": value}


def blue_green(kind: str, wait: int = 5, **more: Any) -> dict[str, Any]:
    sizes: dict[str, Any] = {member: more.pop(member) for member in ("CanarySize", "LinearStepSize") if member in more}
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **sizes}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, **more}}


def rolling(size: Mapping[str, Any], wait: int = 3, **more: Any) -> dict[str, Any]:
    return {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": wait, **more}}


def shares(course: Course) -> list[float]:
    return [round(stage.share, 3) for stage in course.stages]


# Blue/green.


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, [1]),
        ({"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]}}, [1]),
        (blue_green("ALL_AT_ONCE"), [1]),
        (blue_green("CANARY", CanarySize=percent(10)), [0.1, 1]),
        (blue_green("CANARY", CanarySize=instances(1)), [0.25, 1]),
        (blue_green("LINEAR", LinearStepSize=percent(50)), [0.5, 1]),
        (blue_green("LINEAR", LinearStepSize=percent(33)), [0.33, 0.66, 0.99, 1]),
        (blue_green("LINEAR", LinearStepSize=percent(10)), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]),
        (blue_green("LINEAR", LinearStepSize=instances(1)), [0.25, 0.5, 0.75, 1]),
    ],
)
def test_traffic_shifts_as_the_policy_says(config: dict[str, Any], expected: Sequence[float]) -> None:
    course = forward(config, {"v": 2}, {"v": 4})
    assert shares(course) == expected
    assert all(stage.old == {"v": 2} and stage.new == {"v": 4} for stage in course.stages), "both fleets are whole"


def test_an_instance_counts_by_the_size_of_all_variants() -> None:
    course = forward(blue_green("CANARY", CanarySize=instances(1)), {}, {"a": 2, "b": 6, "none": 0})
    assert shares(course) == [0.25, 1]


def test_the_old_fleet_is_kept_as_long_as_termination_waits() -> None:
    course = forward(blue_green("CANARY", CanarySize=percent(10), TerminationWaitInSeconds=60), {"v": 1}, {"v": 1})
    assert [(stage.share, stage.seconds, stage.why) for stage in course.stages] == [
        (0.1, 5, WAIT),
        (1, 5, WAIT),
        (1, 60, TERMINATION),
    ]


# Rolling.


def test_a_rolling_update_never_needs_more_than_a_batch_more() -> None:
    course = forward(rolling(percent(25)), {"v": 4}, {"v": 4})
    assert [(stage.old["v"], stage.new["v"], stage.share) for stage in course.stages] == [
        (4, 1, 0.25),
        (3, 2, 0.5),
        (2, 3, 0.75),
        (1, 4, 1.0),
    ]
    assert {stage.seconds for stage in course.stages} == {3}


@pytest.mark.parametrize(
    ("size", "old", "new", "expected"),
    [
        (percent(50), {"v": 1}, {"v": 1}, [({"v": 1}, {"v": 1}, 1.0)]),
        (percent(5), {"v": 2}, {"v": 2}, [({"v": 2}, {"v": 1}, 0.5), ({"v": 1}, {"v": 2}, 1.0)]),
        (instances(2), {"v": 2}, {"v": 4}, [({"v": 2}, {"v": 2}, 0.5), ({"v": 1}, {"v": 4}, 1.0)]),
        # Others than before: what is left of the old one is as large as what the new one lacks.
        (percent(50), {"old": 3}, {"new": 4}, [({"old": 3}, {"new": 2}, 0.5), ({"old": 2}, {"new": 4}, 1.0)]),
        (
            percent(50),
            {"a": 2},
            {"a": 2, "b": 2},
            [({"a": 2}, {"a": 1, "b": 1}, 0.5), ({"a": 1}, {"a": 2, "b": 2}, 1.0)],
        ),
        (percent(50), {"v": 2}, {"v": 0}, [({"v": 2}, {"v": 0}, 1.0)]),
    ],
)
def test_batches(size: dict[str, Any], old: Any, new: Any, expected: Any) -> None:
    assert [(dict(s.old), dict(s.new), s.share) for s in forward(rolling(size), old, new).stages] == expected


@pytest.mark.parametrize("size", [1, 5, 7, 20, 33, 50])
@pytest.mark.parametrize("old", [0, 1, 2, 5, 9])
@pytest.mark.parametrize("new", [1, 2, 5, 11])
def test_whatever_the_sizes_capacity_lasts(size: int, old: int, new: int) -> None:
    stages = forward(rolling(percent(size)), {"v": old}, {"v": new}).stages
    assert (stages[-1].share, stages[-1].new) == (1.0, {"v": new})
    assert stages[0].old == {"v": old}
    done = 0.0
    for stage in stages:
        assert stage.share > done, "each takes more"
        assert stage.old["v"] >= (1 - done) * old - 1e-9, "what has not been shifted has its instances"
        done = stage.share


# Time.


def course(*seconds: float) -> Course:
    return Course([Stage(number / len(seconds), {}, {"v": number}, each) for number, each in enumerate(seconds, 1)])


def test_a_stage_bakes_from_when_it_stands() -> None:
    way, up = course(5, 7), 0

    def stands(stage: Stage) -> bool:
        return stage.new["v"] <= up

    progress = Progress(0, began=100)
    assert way.advance(progress, 200, stands) == progress
    assert way.share(progress) == 0
    up = 1
    first = way.advance(progress, 201, stands)
    assert first == Progress(0, 100, since=201)
    assert way.share(first) == 0.5
    assert way.advance(first, 205.9, stands) == first
    second = way.advance(first, 206, stands)
    assert second == Progress(1, began=206)
    assert way.share(second) == 0.5, "as before, until the next stage stands"
    up = 2
    third = way.advance(second, 300, stands)
    assert third == Progress(1, 206, since=300)
    assert way.share(third) == 1
    assert way.advance(third, 306.9, stands) == third
    assert way.advance(third, 307, stands) is None


def test_stages_that_do_not_wait_pass_at_once() -> None:
    assert course(0, 0, 0).advance(Progress(0, 1), 1, lambda _stage: True) is None


# The way back.


def test_a_whole_old_fleet_takes_all_at_once() -> None:
    config = blue_green("CANARY", CanarySize=percent(50))
    way = back(config, {"v": 2}, {"v": 3}, Progress(1, 0, since=1))
    assert (way.before, way.back) == (0, True)
    assert [(stage.share, stage.old, stage.new) for stage in way.stages] == [(0, {"v": 2}, {})]


def test_a_rolling_update_brings_up_what_it_ended_before_it_shifts_back() -> None:
    config = rolling(percent(25))
    way = back(config, {"v": 4}, {"v": 4}, Progress(2, 0, since=1))
    assert [(stage.share, stage.old, stage.new) for stage in way.stages] == [(0, {"v": 4}, {"v": 3})]
    assert way.before == 0.75, "until then, the new fleet goes on"


def test_a_batch_that_does_not_come_up_is_not_tried_on_the_way_back() -> None:
    way = back(rolling(percent(25)), {"v": 4}, {"v": 4}, Progress(2, 0))
    assert [(stage.old, stage.new) for stage in way.stages] == [({"v": 4}, {"v": 2})]
    assert way.before == 0.5


def test_a_rolling_update_of_which_nothing_came_up_has_nothing_to_bring_up() -> None:
    way = back(rolling(percent(25)), {"v": 4}, {"v": 4}, Progress(0, 0))
    assert (way.before, [stage.old for stage in way.stages]) == (0, [{"v": 4}])


def test_the_way_back_may_go_in_batches_too() -> None:
    config = rolling(percent(25), RollbackMaximumBatchSize=percent(50))
    way = back(config, {"v": 4}, {"v": 4}, Progress(3, 0, since=1))
    assert way.before == 1
    assert [(round(stage.share, 3), stage.old, stage.new) for stage in way.stages] == [
        (0.333, {"v": 3}, {"v": 4}),
        (0, {"v": 4}, {"v": 2}),
    ]


@pytest.mark.parametrize("stage", range(5))
@pytest.mark.parametrize("stood", [True, False])
@pytest.mark.parametrize("size", [1, 20, 50, 100])
def test_every_way_back_ends_with_the_whole_old_fleet(stage: int, stood: bool, size: int) -> None:
    config = rolling(percent(20), RollbackMaximumBatchSize=percent(size))
    way = back(config, {"v": 5, "w": 2}, {"v": 5}, Progress(stage, 0, since=1 if stood else None))
    assert (way.stages[-1].share, way.stages[-1].old) == (0, {"v": 5, "w": 2})
    taken = [way.before, *(each.share for each in way.stages)]
    assert taken == sorted(taken, reverse=True)


# Refusals.


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (blue_green("CANARY"), "CanarySize is required"),
        (blue_green("CANARY", CanarySize=percent(51)), "CanarySize must be at most 50 percent"),
        (blue_green("CANARY", CanarySize=instances(3)), "CanarySize must be at most 50 percent"),
        (blue_green("LINEAR"), "LinearStepSize is required"),
        (blue_green("LINEAR", LinearStepSize=percent(9)), "LinearStepSize must be 10 to 50 percent"),
        (blue_green("LINEAR", LinearStepSize=percent(60)), "LinearStepSize must be 10 to 50 percent"),
        (blue_green("LINEAR", LinearStepSize=instances(3)), "LinearStepSize must be 10 to 50 percent"),
        (rolling(percent(4)), "MaximumBatchSize must be 5 to 50 percent"),
        (rolling(percent(51)), "MaximumBatchSize must be 5 to 50 percent"),
        (rolling(instances(3)), "MaximumBatchSize must be 5 to 50 percent"),
        (rolling(percent(50), RollbackMaximumBatchSize=percent(101)), "RollbackMaximumBatchSize must be 1 to 100"),
        ({**rolling(percent(50)), **blue_green("ALL_AT_ONCE")}, "Give one update policy"),
        ({"AutoRollbackConfiguration": {"Alarms": [{}]}}, "needs an AlarmName"),
        (
            blue_green("ALL_AT_ONCE", 500, TerminationWaitInSeconds=100, MaximumExecutionTimeoutInSeconds=600),
            "must be longer than all waits together",
        ),
        (rolling(percent(25), 150, MaximumExecutionTimeoutInSeconds=600), "must be longer than all waits together"),
    ],
)
def test_what_is_wrong_is_told(config: dict[str, Any], words: str) -> None:
    assert words in (problem(config, {"v": 4}) or "")


@pytest.mark.parametrize(
    "config",
    [
        {},
        blue_green("ALL_AT_ONCE", 500, TerminationWaitInSeconds=99, MaximumExecutionTimeoutInSeconds=600),
        blue_green("CANARY", CanarySize=percent(1)),
        blue_green("CANARY", CanarySize=instances(2)),
        blue_green("LINEAR", LinearStepSize=instances(1)),
        rolling(instances(2), RollbackMaximumBatchSize=instances(4)),
        rolling(percent(5)),
    ],
)
def test_what_is_right_is_taken(config: dict[str, Any]) -> None:
    assert problem(config, {"v": 4, "none": 0}) is None
