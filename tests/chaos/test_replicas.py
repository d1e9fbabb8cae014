"""Three servers share their data and are killed at random; what any of them acknowledged stays true at all of them."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .endpoints import serve
from .jobs import GROUP, create
from .load import Load
from .replicas import Replicas, together
from .server import eventually
from .world import BUCKET, OUTPUT, World, unpacked

ENDPOINT = "steady"
PATIENCE = 120.0
"""Seconds until what was asked for is done, with servers dying meanwhile."""


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[Replicas]:
    with together(tmp_path) as replicas:
        yield replicas


class Users:
    """Each acts until it is told to rest; what was acknowledged is written down here."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.jobs: dict[str, int] = {}
        """Names, and how many lines each prints."""
        self.objects: dict[str, bytes] = {}
        self._puts = itertools.count()

    def train(self, choose: random.Random) -> None:
        name, lines = f"job-{choose.randrange(10**9)}", choose.choice((1, 10, 40))
        create(self._world, name, lines=lines, pause=choose.uniform(0, 4) / lines)
        self.jobs[name] = lines
        while not self.ended(name) and not self._world.resting.is_set():
            time.sleep(0.2)

    def put(self, choose: random.Random) -> None:
        number = next(self._puts)
        key, body = f"{number % 7}/{number}", choose.randbytes(choose.choice((10, 10_000, 300_000)))
        self._world("s3", "put_object", Bucket=BUCKET, Key=key, Body=body)
        self.objects[key] = body
        assert self._world("s3", "get_object", Bucket=BUCKET, Key=key).body["Body"] == body

    def ended(self, name: str) -> bool:
        told = self._world("sagemaker", "describe_training_job", TrainingJobName=name).body
        assert told["TrainingJobStatus"] in ("InProgress", "Completed"), told.get("FailureReason")
        return bool(told["TrainingJobStatus"] == "Completed")


def test_replicas_killed_at_random(replicas: Replicas, rounds: int, seed: int) -> None:
    choose, world = random.Random(seed), World(replicas, seed)
    replicas.start()
    world.prepare()
    serve(world, ENDPOINT, 1)
    users = Users(world)
    for number, act in enumerate((users.train, users.train, users.put)):
        world.user(f"user {number}", act)
    with Load(replicas, ENDPOINT) as load:
        for _ in range(max(2, rounds // 2)):
            time.sleep(choose.uniform(0.5, 4))
            replicas.kill(choose)
            time.sleep(choose.uniform(0, 6))
            replicas.start()
        world.rest(PATIENCE)
    assert not world.failures, f"--chaos-seed={seed}\n" + "\n".join(world.failures) + f"\n{replicas.tail()}"
    load.check()
    assert load.answered
    check(world, users, replicas)
    world.close()


def check(world: World, users: Users, replicas: Replicas) -> None:
    """Nothing that was acknowledged is lost, and nothing ran twice."""
    assert users.jobs
    assert users.objects
    for name, lines in users.jobs.items():
        eventually(lambda: users.ended(name), within=PATIENCE, what=f"the end of {name}")  # noqa: B023
        (run,) = world.witness.starts(name)
        body = world("s3", "get_object", Bucket=OUTPUT, Key=f"jobs/{name}/output/model.tar.gz").body["Body"]
        assert unpacked(body)["runs"].decode().split() == [run]
        assert printed(world, name) == [f"line {number}" for number in range(lines)]
    for port in replicas.ports:
        listed = world.at(port, "sagemaker").get_paginator("list_training_jobs").paginate()
        assert {each["TrainingJobName"] for page in listed for each in page["TrainingJobSummaries"]} == {*users.jobs}
        for key, body in users.objects.items():
            assert world.at(port, "s3").get_object(Bucket=BUCKET, Key=key)["Body"].read() == body


def printed(world: World, name: str) -> list[str]:
    """The numbered lines that a job's log holds."""
    (stream,) = world("logs", "describe_log_streams", logGroupName=GROUP, logStreamNamePrefix=f"{name}/").body[
        "logStreams"
    ]
    place = {"logGroupName": GROUP, "logStreamName": stream["logStreamName"]}
    events = world("logs", "get_log_events", **place, startFromHead=True).body["events"]
    return [event["message"].split(" .")[0].strip() for event in events if event["message"].startswith("line ")]
