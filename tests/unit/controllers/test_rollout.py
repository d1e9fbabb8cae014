"""A new generation comes batch by batch."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.controllers import rollout

COPIES = 4


def config(kind: str, value: int, **more: int) -> dict[str, Any]:
    return {"RollingUpdatePolicy": {"MaximumBatchSize": {"Type": kind, "Value": value}, **more}}


def story(config: dict[str, Any], copies: int = COPIES, before: int = COPIES) -> list[tuple[int, int]]:
    """(new, old) copies that there are to be, step by step, when each comes up at once."""
    steps = []
    rolling: rollout.Rollout | None = rollout.begun(None, 2, copies, config, 0.0)
    while rolling is not None:
        steps.append((rolling["up"], rollout.staying(rolling, copies, before)))
        rolling = rollout.advanced(rolling, rolling["up"], copies, config, 0.0)
    return steps


@pytest.mark.parametrize(
    ("config", "steps"),
    [
        ({}, [(4, 4), (4, 0)]),
        (config("COPY_COUNT", 2), [(2, 4), (2, 2), (4, 2), (4, 0)]),
        (config("CAPACITY_PERCENT", 75), [(3, 4), (3, 1), (4, 1), (4, 0)]),
    ],
)
def test_each_batch_takes_the_place_of_as_many_old_copies(config: dict[str, Any], steps: list[tuple[int, int]]) -> None:
    assert story(config) == steps


def test_to_other_numbers_of_copies() -> None:
    assert story(config("COPY_COUNT", 1), copies=1, before=3) == [(1, 3), (1, 0)]
    assert story({}, copies=0, before=3) == [(0, 0), (0, 0)]


def test_the_next_batch_waits_for_the_interval() -> None:
    policy = config("COPY_COUNT", 2, WaitIntervalInSeconds=60)
    rolling = rollout.begun(None, 2, COPIES, policy, 0.0)
    assert rollout.advanced(rolling, 1, COPIES, policy, 5.0) == rolling, "not all of the batch is up"
    ready = rollout.advanced(rolling, 2, COPIES, policy, 5.0)
    assert ready is not None
    assert rollout.advanced(ready, 2, COPIES, policy, 64.0) == ready
    further = rollout.advanced(ready, 2, COPIES, policy, 65.0)
    assert further is not None
    assert (further["up"], further["done"]) == (4, 2)


def test_a_rollout_that_is_known_goes_on_and_another_generation_begins_anew() -> None:
    known = {"generation": 2, "up": 3, "done": 2, "begun": 0.0}
    assert rollout.begun(known, 2, 2, {}, 9.0) == {**known, "up": 2}
    assert rollout.begun(known, 3, 4, {}, 9.0) == {"generation": 3, "up": 4, "done": 0, "begun": 9.0}


def test_it_may_take_so_long() -> None:
    known = {"generation": 2, "up": 1, "done": 0, "begun": 10.0}
    policy = config("COPY_COUNT", 1, MaximumExecutionTimeoutInSeconds=600)
    assert not rollout.is_late(known, policy, 610.0)
    assert rollout.is_late(known, policy, 611.0)
    assert not rollout.is_late(known, {}, 1e9)
