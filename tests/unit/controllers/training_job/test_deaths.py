"""Training jobs of a server that dies on the way, and the one after it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sagewright.base.errors import Transient
from sagewright.compute.fake import Plan
from sagewright.controllers import training_output
from sagewright.controllers.training_job import TrainingJobs
from sagewright.resources.training_job import LOG_GROUP

from ..conftest import Bench, Killed, unpacked
from .conftest import Create, ended, story, write


def test_a_job_whose_time_was_over_when_the_server_died_is_not_completed(
    bench: Bench, jobs: TrainingJobs, create: Create
) -> None:
    bench.engine.plan("*", Plan(after=None, on_stop=0))
    key = create(StoppingCondition={"MaxRuntimeInSeconds": 60})
    bench.look(jobs, key)
    bench.engine.advance(61)
    bench.engine.die_at = "stop"
    with pytest.raises(Killed):
        bench.look(jobs, key)
    bench.engine.end("train-uid-j-1", 0)
    bench.settle(TrainingJobs(bench.platform, bench.wake, bench.room(2)), key)
    assert story(bench, key)[-1] == "MaxRuntimeExceeded"


@pytest.mark.parametrize("step", ["start", "destroy"])
def test_a_start_that_was_cut_short_is_made_again_once(
    bench: Bench, jobs: TrainingJobs, create: Create, step: str
) -> None:
    bench.engine.plan("*", Plan(lines=["one"], after=1))
    key = create(ResourceConfig={"InstanceType": "ml.m5.24xlarge"})
    bench.engine.die_at = step
    with pytest.raises(Killed):
        bench.look(jobs, key)
    jobs = TrainingJobs(bench.platform, bench.wake, bench.room(2))
    bench.look(jobs, key)
    bench.engine.advance(1)
    bench.settle(jobs, key)
    assert len(bench.engine.started) == 1
    note, *said = bench.lines(LOG_GROUP)
    assert note.startswith("sagewright: ml.m5.24xlarge has 96 vCPUs"), "said once"
    assert said == ["one"]


@pytest.mark.parametrize("away", [5, 60])
def test_a_task_that_was_started_but_not_written_down_is_found_again(
    bench: Bench, jobs: TrainingJobs, create: Create, monkeypatch: pytest.MonkeyPatch, away: int
) -> None:
    """While it still runs, or when it has ended meanwhile."""
    bench.engine.plan("*", Plan(after=20))
    key = create()
    started = bench.clock.now()

    def dies(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(bench.engine, "watch", dies)
        with pytest.raises(Killed):
            bench.look(jobs, key)
    bench.engine.advance(away)
    jobs = TrainingJobs(bench.platform, bench.wake, bench.room(2))
    bench.look(jobs, key)
    record = bench.store.get(key)
    assert record is not None
    assert record.status["TrainingStartTime"] == started
    bench.engine.advance(15)
    bench.settle(jobs, key)
    assert story(bench, key) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    record = bench.store.get(key)
    assert record is not None
    assert record.status["TrainingTimeInSeconds"] == 20
    assert len(bench.engine.started) == 1
    assert ended(bench, key) == ("Completed", "")


def test_an_end_that_was_cut_short_is_brought_to_its_end(
    bench: Bench, jobs: TrainingJobs, create: Create, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.engine.plan("*", Plan(lines=["one"], after=1))
    key = create()
    bench.look(jobs, key)
    write(bench, key, "model/weights", "w")
    bench.engine.advance(1)

    def dies(*_: Any, **__: Any) -> None:
        raise Killed

    for room, name in ((training_output, "upload"), (jobs, "_finish")):
        with monkeypatch.context() as patch:
            patch.setattr(room, name, dies)
            with pytest.raises(Killed):
                bench.look(jobs, key)
    jobs = TrainingJobs(bench.platform, bench.wake, bench.room(2))
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Completed", "")
    assert story(bench, key) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert bench.lines(LOG_GROUP) == ["one"]
    assert unpacked(bench.files.held["b", "out/j/output/model.tar.gz"]) == {"weights": b"w"}


def test_an_engine_that_cannot_start_it_now_is_asked_again(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    key = create()
    bench.engine.plan("*", Plan(start_error=Transient("no processes left")))
    with pytest.raises(Transient):
        bench.look(jobs, key)
    bench.engine.plan("*", Plan(after=1))
    bench.look(jobs, key)
    bench.engine.advance(1)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Completed", "")


def test_tasks_are_owned_until_the_job_is_settled(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    record = bench.store.get(create())
    assert record is not None
    assert list(jobs.tasks(record)) == ["train-uid-j-1"]
    assert jobs.tasks(replace(record, state="Failed")) == ()
