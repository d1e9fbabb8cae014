"""The tries of a training job: Spot instances that are reclaimed, the limits over all of them, what is billed."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.compute.fake import Plan
from sagewright.controllers.training_job import STOP_GRACE, TrainingJobs
from sagewright.resources import tries, usage
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query

from ..conftest import ACCOUNT, Bench, Killed
from .conftest import Create, ended, stop, story, write

SPOT: dict[str, Any] = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 1000},
    "CheckpointConfig": {"S3Uri": "s3://b/kept"},
}


def record_of(bench: Bench, key: Key) -> Record:
    record = bench.store.get(key)
    assert record is not None
    return record


def interrupt(bench: Bench, key: Key, warning: float = 120) -> None:
    """As `sagewright chaos interrupt` does."""
    bench.change(key, spec=tries.interrupted(record_of(bench, key), now=bench.clock.now(), warning=warning).spec)


def entries(bench: Bench) -> list[usage.Entry]:
    """The whole ledger."""
    page = bench.store.list(Query(ACCOUNT, "", usage.KIND, parent=""), limit=100)
    return [usage.entry(record) for record in page.records]


def begun(bench: Bench, jobs: TrainingJobs, key: Key, seconds: float) -> None:
    """Started, and gone on for a while."""
    bench.look(jobs, key)
    bench.engine.advance(seconds)
    bench.look(jobs, key)


def test_a_job_that_is_reclaimed_goes_on_from_its_checkpoints(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*-1", Plan(after=None, on_stop=0, last_words=["saved"]))
    bench.engine.plan("*-again-1", Plan(after=40))
    key = create(**SPOT)
    begun(bench, jobs, key, 60)
    write(bench, key, "checkpoints/state", "half")
    interrupt(bench, key)
    bench.look(jobs, key)
    assert bench.engine.stops == [("train-uid-j-1", 120)]
    assert "TrainingEndTime" not in record_of(bench, key).status
    bench.look(jobs, key)
    assert bench.files.held["b", "kept/state"] == b"half"
    assert story(bench, key)[-1] == "Interrupted"
    bench.look(jobs, key)
    assert (bench.folder / "tasks/train-uid-j-1-again-1/ml/checkpoints/state").read_text() == "half"
    bench.settle(jobs, key)
    assert story(bench, key) == [
        *["Starting", "Downloading", "Training", "Interrupted"],
        *["Starting", "Downloading", "Training", "Uploading", "Completed"],
    ]
    status = record_of(bench, key).status
    assert (status["TrainingTimeInSeconds"], status["BillableTimeInSeconds"]) == (100, 30)
    (entry,) = entries(bench)
    assert [line.end - line.start for line in entry.lines] == [60, 40]
    assert all(line.spot and line.share == 0.3 for line in entry.lines)
    assert bench.folders == []


def test_who_does_not_heed_the_warning_ends_with_it(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*-1", Plan(after=None, on_stop=None))
    key = create(**SPOT)
    begun(bench, jobs, key, 10)
    interrupt(bench, key)
    bench.engine.advance(30)
    bench.look(jobs, key)
    interrupt(bench, key, warning=5)  # sooner than was told
    bench.look(jobs, key)
    assert [grace for _, grace in bench.engine.stops] == [90, 5]
    interrupt(bench, key, warning=500)  # never later
    bench.engine.advance(5)
    bench.look(jobs, key)
    assert story(bench, key)[-1] == "Interrupted"


@pytest.mark.parametrize(("exit_code", "end"), [(0, "Completed"), (1, "Failed")])
def test_what_had_ended_by_itself_was_not_interrupted(
    bench: Bench, jobs: TrainingJobs, create: Create, exit_code: int, end: str
) -> None:
    bench.engine.plan("*", Plan(after=10, exit_code=exit_code))
    key = create(**SPOT)
    bench.look(jobs, key)
    bench.engine.advance(11)
    interrupt(bench, key)
    bench.settle(jobs, key)
    assert ended(bench, key)[0] == end
    assert len(bench.engine.started) == 1


def test_a_stop_wins_over_an_interruption(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(after=None, on_stop=0))
    key = create(**SPOT)
    begun(bench, jobs, key, 10)
    interrupt(bench, key)
    stop(bench, key)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")
    assert bench.engine.stops == [("train-uid-j-1", STOP_GRACE)]


@pytest.mark.parametrize("step", ["stop", "destroy", "start"])
def test_a_server_that_dies_on_the_way_interrupts_once(
    bench: Bench, jobs: TrainingJobs, create: Create, step: str
) -> None:
    bench.engine.plan("*-1", Plan(after=None, on_stop=0))
    bench.engine.plan("*-again-*", Plan(after=20))
    key = create(**SPOT)
    begun(bench, jobs, key, 10)
    interrupt(bench, key)
    bench.engine.die_at = step
    with pytest.raises(Killed):
        bench.settle(jobs, key)
    bench.platform.sweep(set(jobs.tasks(record_of(bench, key))))
    bench.settle(TrainingJobs(bench.platform, bench.wake, bench.room(2)), key)
    assert ended(bench, key)[0] == "Completed"
    assert story(bench, key).count("Interrupted") == 1
    assert [task.id for task in bench.engine.started] == ["train-uid-j-1", "train-uid-j-1-again-1"]
    (entry,) = entries(bench)
    assert len(entry.lines) == 2


def test_the_time_to_run_is_for_all_tries(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(after=None, on_stop=0))
    key = create(**{**SPOT, "StoppingCondition": {"MaxRuntimeInSeconds": 100, "MaxWaitTimeInSeconds": 5000}})
    begun(bench, jobs, key, 70)
    interrupt(bench, key)
    for _ in range(3):
        bench.look(jobs, key)
    bench.engine.advance(29.9)
    assert bench.look(jobs, key) == pytest.approx(0.1)
    bench.engine.advance(0.1)
    bench.settle(jobs, key)
    assert story(bench, key)[-3:] == ["Stopping", "Uploading", "MaxRuntimeExceeded"]


def test_the_time_to_wait_ends_a_job_that_trains(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(after=None, on_stop=0))
    key = create(**{**SPOT, "StoppingCondition": {"MaxRuntimeInSeconds": 100, "MaxWaitTimeInSeconds": 100}})
    bench.engine.advance(50)
    begun(bench, jobs, key, 50)
    write(bench, key, "model/weights", "w")
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")
    assert story(bench, key)[-3:] == ["Stopping", "Uploading", "MaxWaitTimeExceeded"]
    assert ("b", "out/j/output/model.tar.gz") in bench.files.held


def test_the_time_to_wait_ends_a_job_that_never_had_a_place(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    jobs = TrainingJobs(bench.platform, bench.wake, bench.room(1))
    bench.engine.plan("*", Plan(after=None))
    other = create("other")
    bench.look(jobs, other)
    key = create(**SPOT)
    assert bench.look(jobs, key) == pytest.approx(1000)
    bench.engine.advance(999)
    assert bench.look(jobs, key) == pytest.approx(1, abs=0.01)
    bench.engine.advance(1.01)
    bench.look(jobs, key)
    assert story(bench, key) == ["Starting", "Pending", "Stopping", "MaxWaitTimeExceeded"]
    assert entries(bench) == []


def test_without_checkpoints_it_starts_anew(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*-1", Plan(after=None, on_stop=0))
    key = create(**{member: value for member, value in SPOT.items() if member != "CheckpointConfig"})
    begun(bench, jobs, key, 10)
    write(bench, key, "checkpoints/state", "half")
    interrupt(bench, key)
    for _ in range(3):
        bench.look(jobs, key)
    assert not (bench.folder / "tasks/train-uid-j-1-again-1/ml/checkpoints/state").exists()
