"""Whose turn it is, and what those say who wait."""

from __future__ import annotations

import pytest

from sagewright.compute.fake import Plan
from sagewright.controllers.training_job import TrainingJobs

from ..conftest import Bench, Killed
from .conftest import Create, ended, stop, story


def test_jobs_wait_their_turn(bench: Bench, create: Create, jobs: TrainingJobs) -> None:
    bench.engine.plan("*", Plan(after=10))
    first, second, third = create("one"), create("two"), create("three")
    for key in (first, second, third):
        bench.look(jobs, key)
    assert [task.id for task in bench.engine.started] == ["train-uid-one-1", "train-uid-two-1"]
    assert story(bench, third) == ["Starting", "Pending"]
    bench.clock.advance(1)
    fourth = create("four")
    bench.look(jobs, fourth)
    stop(bench, first)
    bench.woken.clear()
    bench.look(jobs, first)
    bench.look(jobs, first)
    assert third in bench.woken, "the oldest is told that there is a place"
    bench.look(jobs, fourth)
    assert story(bench, fourth) == ["Starting", "Pending"], "somebody older waits"
    bench.look(jobs, third)
    assert story(bench, third) == ["Starting", "Pending", "Downloading", "Training"]
    stop(bench, fourth)
    bench.look(jobs, fourth)
    assert ended(bench, fourth) == ("Stopped", "")


def test_a_job_that_was_stopped_before_it_ran_leaves_its_place(
    bench: Bench, create: Create, jobs: TrainingJobs
) -> None:
    one, two = create("one"), create("two")
    for key in (one, two):
        bench.files.on_read = lambda key=key: stop(bench, key)  # type: ignore[misc]
        assert bench.look(jobs, key) == 0.0
        bench.look(jobs, key)
        record = bench.store.get(key)
        assert record is not None
        bench.store.delete(record)  # before the loop looks at its end
    bench.files.on_read = lambda: None
    three = create("three")
    bench.look(jobs, three)
    assert story(bench, three)[-1] == "Training"


def test_running_jobs_keep_their_places_over_a_restart(bench: Bench, create: Create, jobs: TrainingJobs) -> None:
    bench.engine.plan("*", Plan(after=10))
    keys = [create("one"), create("two"), create("three")]
    bench.look(jobs, keys[0])
    bench.engine.die_at = "start"
    with pytest.raises(Killed):
        bench.look(jobs, keys[1])
    jobs = TrainingJobs(bench.platform, bench.wake, bench.room(2))
    bench.look(jobs, keys[0])
    bench.look(jobs, keys[2])
    bench.look(jobs, keys[1])
    assert story(bench, keys[1]) == ["Starting", "Downloading", "Training"], "it had a place before"


def test_a_job_that_waits_says_what_for_and_costs_nothing_until_it_is_woken(
    bench: Bench, create: Create, jobs: TrainingJobs
) -> None:
    bench.engine.plan("*", Plan(after=10))
    keys = [create(name) for name in ("one", "two", "three", "four")]
    for key in keys:
        bench.look(jobs, key)
    waiting = bench.store.get(keys[3])
    assert waiting is not None
    assert story(bench, keys[3]) == ["Starting", "Pending"]
    told = waiting.status["SecondaryStatusTransitions"][-1]["StatusMessage"]
    assert told.startswith("Waiting for 2 vCPUs and 8 GiB of memory: 2 jobs run, ")
    assert bench.look(jobs, keys[3]) is None, "nobody looks until it is woken"
    newest = bench.store.get(keys[3])
    assert newest is not None
    assert newest.version <= waiting.version + 1, "and then it says nothing new but that it is next"


def test_a_job_may_wait_for_so_long(bench: Bench, create: Create, jobs: TrainingJobs) -> None:
    bench.engine.plan("*", Plan(after=None))
    for key in (create("one"), create("two")):
        bench.look(jobs, key)
    key = create("three", StoppingCondition={"MaxRuntimeInSeconds": 600, "MaxPendingTimeInSeconds": 1800})
    assert bench.look(jobs, key) == pytest.approx(1800)
    bench.engine.advance(1801)
    assert bench.look(jobs, key) is None
    assert ended(bench, key) == ("Stopped", "")
    record = bench.store.get(key)
    assert record is not None
    assert "MaxPendingTimeInSeconds" in record.status["SecondaryStatusTransitions"][-1]["StatusMessage"]
    assert record.status.get("BillableTimeInSeconds", 0) == 0
