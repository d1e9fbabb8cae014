"""Training jobs of several hosts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sagewright.compute.fake import Plan
from sagewright.controllers.training_job import TrainingJobs
from sagewright.resources.record import Key
from sagewright.resources.training_job import LOG_GROUP

from ..conftest import ACCOUNT, REGION, Bench, Killed, unpacked
from .conftest import Create, ended, stop, story, write

TWO = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}


def test_each_host_has_its_task_and_its_log(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*-1", Plan(lines=["one"], after=10))
    bench.engine.plan("*-2", Plan(lines=["two"], after=5))
    key = create(ResourceConfig=TWO)
    bench.look(jobs, key)
    first, second = bench.engine.started
    assert (first.hostname, second.hostname) == ("algo-1", "algo-2")
    assert first.hosts == second.hosts == {"algo-1": "127.0.0.1", "algo-2": "127.0.0.2"}
    assert second.folder is not None
    config = json.loads((second.folder / "input/config/resourceconfig.json").read_bytes())
    assert (config["current_host"], config["hosts"]) == ("algo-2", ["algo-1", "algo-2"])
    for host in (1, 2):
        write(bench, key, "model/mine", f"of {host}", host)
        write(bench, key, f"model/deep/only-{host}", "x", host)
    bench.engine.advance(5)
    bench.look(jobs, key)
    assert ended(bench, key)[0] == "InProgress", "the other one still runs"
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Completed", "")
    place = bench.logs.at(ACCOUNT, REGION)
    created = int(first_seen(bench, key))
    assert place.names(LOG_GROUP) == [f"j/algo-1-{created}", f"j/algo-2-{created}"]
    assert unpacked(bench.files.held["b", "out/j/output/model.tar.gz"]) == {
        "mine": b"of 1",
        "deep/only-1": b"x",
        "deep/only-2": b"x",
    }
    assert bench.folders == []


def first_seen(bench: Bench, key: Key) -> float:
    record = bench.store.get(key)
    assert record is not None
    return record.created


def test_a_host_that_fails_ends_the_others(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*-1", Plan(after=None, on_stop=0))
    bench.engine.plan("*-2", Plan(exit_code=3, after=5))
    key = create(ResourceConfig=TWO)
    bench.look(jobs, key)
    write(bench, key, "output/failure", "no data", 2)
    bench.engine.advance(5)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Failed", "AlgorithmError: no data, exit code: 3 (on algo-2)")
    assert bench.engine.stops == [("train-uid-j-1", 10.0)]


def test_a_start_that_was_cut_short_between_hosts_goes_on(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(after=10))
    key = create(ResourceConfig=TWO)
    start = bench.engine.start

    def dies(task: Any) -> None:
        if task.id.endswith("-2"):
            raise Killed
        start(task)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench.engine, "start", dies)
        with pytest.raises(Killed):
            bench.look(jobs, key)
    bench.settle(TrainingJobs(bench.platform, bench.wake, bench.room(2)), key)
    assert ended(bench, key) == ("Completed", "")
    assert [task.id for task in bench.engine.started] == ["train-uid-j-1", "train-uid-j-2"]


def test_a_stop_reaches_all_hosts_that_run(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(after=None, on_stop=0))
    key = create(ResourceConfig={"InstanceGroups": [
        {"InstanceGroupName": "a", "InstanceType": "ml.m5.large", "InstanceCount": 1},
        {"InstanceGroupName": "b", "InstanceType": "ml.c5.large", "InstanceCount": 2},
    ]})  # fmt: skip
    bench.look(jobs, key)
    assert len(bench.engine.started) == 3
    stop(bench, key)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")
    assert [task for task, _ in bench.engine.stops] == [f"train-uid-j-{number}" for number in (1, 2, 3)]


def test_jobs_that_span_hosts_take_turns(bench: Bench, create: Create, jobs: TrainingJobs) -> None:
    """Single ones go past them."""
    jobs = TrainingJobs(bench.platform, bench.wake, bench.room(4))
    bench.engine.plan("*", Plan(after=10))
    one, two = create("one", ResourceConfig=TWO), create("two", ResourceConfig=TWO)
    for key in (one, two):
        bench.look(jobs, key)
    bench.clock.advance(1)
    single = create("single")
    bench.look(jobs, single)
    assert [story(bench, key)[-1] for key in (one, two, single)] == ["Training", "Pending", "Training"]
    bench.engine.advance(10)
    bench.woken.clear()
    bench.look(jobs, one)
    assert two in bench.woken
    bench.look(jobs, two)
    assert story(bench, two)[-1] == "Training"
