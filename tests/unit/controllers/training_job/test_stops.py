"""Training jobs that are stopped, or take too long."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.base.errors import StaleRecord
from sagewright.compute.fake import Plan
from sagewright.controllers.training_job import STOP_GRACE, TrainingJobs
from sagewright.resources.training_job import LOG_GROUP

from ..conftest import Bench
from .conftest import Create, ended, stop, story, write


def test_a_job_that_is_stopped_before_it_began_never_runs(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    key = create()
    stop(bench, key)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")
    assert bench.engine.started == []


def test_a_stop_that_comes_while_it_is_staged_is_heeded(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    key = create()
    bench.files.on_read = lambda: stop(bench, key)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")
    assert bench.engine.started == []
    assert bench.folders == []


def test_a_stopped_job_has_its_grace_and_keeps_its_model(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(after=None, on_stop=0, last_words=["saved"]))
    key = create()
    bench.look(jobs, key)
    write(bench, key, "model/weights", "w")
    stop(bench, key)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")
    assert bench.engine.stops == [("train-uid-j-1", STOP_GRACE)]
    assert bench.lines(LOG_GROUP) == ["saved"]
    assert story(bench, key) == ["Starting", "Downloading", "Training", "Stopping", "Uploading", "Stopped"]
    assert ("b", "out/j/output/model.tar.gz") in bench.files.held


def test_a_script_that_does_not_heed_is_killed_after_its_grace(
    bench: Bench, jobs: TrainingJobs, create: Create
) -> None:
    bench.engine.plan("*", Plan(after=None, on_stop=None))
    key = create()
    bench.look(jobs, key)
    stop(bench, key)
    bench.look(jobs, key)
    bench.engine.advance(STOP_GRACE - 1)
    bench.look(jobs, key)
    assert ended(bench, key)[0] == "Stopping"
    bench.engine.advance(1)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")


@pytest.mark.parametrize("exit_code", [0, 1])
def test_a_stop_that_was_acknowledged_wins_over_the_end(
    bench: Bench, jobs: TrainingJobs, create: Create, exit_code: int
) -> None:
    bench.engine.plan("*", Plan(after=1, exit_code=exit_code))
    key = create()
    bench.look(jobs, key)
    bench.engine.advance(1)
    stop(bench, key)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")


def test_a_stop_that_comes_during_the_upload_is_not_overwritten(
    bench: Bench, jobs: TrainingJobs, create: Create, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.engine.plan("*", Plan(after=1))
    key = create()
    bench.look(jobs, key)
    bench.engine.advance(1)
    put = bench.files.put_file

    def stopped_meanwhile(*arguments: Any, **more: Any) -> object:
        stop(bench, key)
        return put(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(bench.files, "put_file", stopped_meanwhile)
        with pytest.raises(StaleRecord):
            bench.look(jobs, key)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")


def test_a_job_that_takes_too_long_is_stopped(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(after=None, on_stop=0))
    key = create(StoppingCondition={"MaxRuntimeInSeconds": 60})
    bench.look(jobs, key)
    bench.engine.advance(59.8)
    assert bench.look(jobs, key) == pytest.approx(0.2)
    bench.engine.advance(0.2)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")
    assert story(bench, key)[-3:] == ["Stopping", "Uploading", "MaxRuntimeExceeded"]
