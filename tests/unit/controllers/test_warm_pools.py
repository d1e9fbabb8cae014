"""Warm pools: kept while their time lasts, handed on once, gone without a trace."""

# ruff: noqa: F811

from __future__ import annotations

from typing import Any

import pytest

from sagewright.compute.fake import Plan
from sagewright.controllers.room import Room
from sagewright.controllers.training_job import TrainingJobs
from sagewright.controllers.warm_pools import WarmPools
from sagewright.resources import warm_pool
from sagewright.resources.record import Key

from .conftest import Bench
from .training_job.conftest import Create, create, stop  # noqa: F401
from .training_job.test_tries import entries, record_of

RESOURCES = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}


@pytest.fixture
def room(bench: Bench) -> Room:
    return bench.room(1)


@pytest.fixture
def jobs(bench: Bench, room: Room) -> TrainingJobs:
    bench.files.held["b", "code.tar.gz"] = b""
    bench.files.held["b", "data/a"] = b"1"
    bench.engine.plan("*", Plan(after=10))
    return TrainingJobs(bench.platform, bench.wake, room)


@pytest.fixture
def pools(bench: Bench, room: Room) -> WarmPools:
    return WarmPools(bench.platform, bench.wake, room)


def kept(create: Create, name: str, keep: int | None = 600, **spec: Any) -> Key:
    resources = RESOURCES if keep is None else {**RESOURCES, "KeepAlivePeriodInSeconds": keep}
    return create(name, **{"ResourceConfig": resources, "HyperParameters": {}, **spec})


def of(key: Key) -> Key:
    return key._replace(kind=warm_pool.KIND)


def told(bench: Bench, key: Key) -> dict[str, Any]:
    return dict(record_of(bench, key).status["WarmPoolStatus"])


def caches(bench: Bench) -> list[str]:
    folder = bench.folder / "warm-pools"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_pool_ends_when_its_time_is_over(
    bench: Bench, jobs: TrainingJobs, pools: WarmPools, create: Create, room: Room
) -> None:
    key = kept(create, "j")
    bench.look(jobs, key)
    assert told(bench, key) == {"Status": "InUse"}
    bench.settle(jobs, key)
    assert told(bench, key) == {"Status": "Available", "ResourceRetainedBillableTimeInSeconds": 0}
    left = bench.look(pools, of(key))
    assert left is not None
    assert 500 < left <= 600
    other = kept(create, "other", None, RoleArn="arn:aws:iam::123456789012:role/R", VpcConfig={"Subnets": ["s"]})
    bench.look(jobs, other)
    assert record_of(bench, other).status["SecondaryStatus"] == "Pending", "its place is kept"
    bench.engine.advance(700)
    bench.look(pools, of(key))
    assert told(bench, key) == {"Status": "Terminated", "ResourceRetainedBillableTimeInSeconds": 600}
    assert bench.store.get(of(key)) is None
    assert caches(bench) == []
    assert other in bench.woken
    lines = {line.kind: line.end - line.start for entry in entries(bench) for line in entry.lines}
    assert lines == {"Training": 10, "WarmPool": 600}


def test_the_next_job_that_is_alike_takes_the_place_at_once(
    bench: Bench, jobs: TrainingJobs, pools: WarmPools, create: Create
) -> None:
    first = kept(create, "j")
    bench.settle(jobs, first)
    bench.look(pools, of(first))
    second = kept(create, "k", None)
    assert bench.look(jobs, second) == 0.5
    assert told(bench, first)["ReusedByJob"] == "k"
    assert told(bench, second) == {"Status": "InUse"}
    assert bench.store.get(of(first)) is None
    (_, task) = bench.engine.started
    (cache,) = [mount for mount in task.mounts if mount.target == warm_pool.CACHE]
    assert cache.source == bench.folder / "warm-pools/uid-j/1"
    bench.settle(jobs, second)
    assert told(bench, second)["Status"] == "Terminated"
    bench.look(pools, of(second))
    assert caches(bench) == []


def test_who_waits_for_room_and_matches_goes_first(
    bench: Bench, jobs: TrainingJobs, pools: WarmPools, create: Create
) -> None:
    first = kept(create, "j")
    bench.look(jobs, first)
    other, second = kept(create, "other", None, VpcConfig={"Subnets": ["s"]}), kept(create, "k", None)
    for key in (other, second):
        bench.look(jobs, key)
    bench.engine.advance(10)
    bench.look(jobs, first)
    bench.look(pools, of(first))
    assert second in bench.woken
    bench.look(jobs, second)
    assert told(bench, first)["ReusedByJob"] == "k"
    bench.engine.advance(10)
    bench.settle(jobs, second)
    assert other in bench.woken


def test_a_server_that_dies_with_a_pool_that_was_just_taken_gives_its_place_to_who_took_it(
    bench: Bench, jobs: TrainingJobs, pools: WarmPools, create: Create
) -> None:
    first = kept(create, "j")
    bench.settle(jobs, first)
    second = kept(create, "k")
    bench.files.on_read = lambda: (_ for _ in ()).throw(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        bench.look(jobs, second)
    bench.files.on_read = lambda: None
    full = bench.room(0)
    again = TrainingJobs(bench.platform, bench.wake, full)
    assert bench.look(again, second) == 0.5
    assert [job for job in (first, second) if told(bench, job)["Status"] == "Reused"] == [first]


@pytest.mark.parametrize(
    ("plan", "status"), [(Plan(exit_code=1, after=1), "Available"), (Plan(lost=True, after=1), "Terminated")]
)
def test_what_failed_is_kept_unless_it_was_the_machine(
    bench: Bench, jobs: TrainingJobs, create: Create, plan: Plan, status: str
) -> None:
    bench.engine.plan("*", plan)
    key = kept(create, "j")
    bench.settle(jobs, key)
    assert told(bench, key)["Status"] == status


def test_a_job_that_was_stopped_before_it_had_instances_keeps_none(
    bench: Bench, jobs: TrainingJobs, pools: WarmPools, create: Create
) -> None:
    key = kept(create, "j")
    stop(bench, key)
    bench.settle(jobs, key)
    assert told(bench, key) == {"Status": "Terminated", "ResourceRetainedBillableTimeInSeconds": 0}
    bench.look(pools, of(key))
    assert bench.store.get(of(key)) is None


def test_spot_jobs_take_no_pool(bench: Bench, jobs: TrainingJobs, pools: WarmPools, create: Create) -> None:
    first = kept(create, "j")
    bench.settle(jobs, first)
    spot = kept(
        create,
        "spot",
        None,
        EnableManagedSpotTraining=True,
        StoppingCondition={"MaxRuntimeInSeconds": 10, "MaxWaitTimeInSeconds": 100},
    )
    bench.look(jobs, spot)
    assert told(bench, first)["Status"] == "Available"
