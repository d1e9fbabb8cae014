"""The nodes of a Ray cluster and the replicas that share it are killed at random, while jobs run on several nodes, a
queue of small ones is worked off, and an endpoint answers through a load balancer.

Runs in the environment that has Ray: `make chaos-ray`, for ten minutes.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .endpoints import is_whole, serve
from .jobs import create
from .load import Load
from .replicas import Replicas, together
from .server import ROOT, eventually
from .world import World, unpacked

pytest.importorskip("ray", reason="Ray is in an environment of its own: make chaos-ray")
from sagewright.testing.ray_nodes import RayNodes

ENDPOINT = "spread"
INSTANCES = NODES = 3
JOBS_A_MINUTE = 20
TRIES = 30
PATIENCE = 300.0
"""Seconds until what was asked for is done."""


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RayNodes]:
    # They come and go faster than each could make its environments.
    runtimes = os.environ.get("SAGEWRIGHT_RUNTIMES") or str(ROOT / ".cache" / "runtimes")
    monkeypatch.setenv("SAGEWRIGHT_RUNTIMES", runtimes)
    with RayNodes(tmp_path / "nodes", count=NODES) as nodes:
        yield nodes


@pytest.fixture
def replicas(tmp_path: Path, nodes: RayNodes, minutes: float) -> Iterator[Replicas]:
    program, options = (sys.executable, "-m", "sagewright.cli"), ("--engine", "ray", "--ray-address", nodes.address)
    with together(tmp_path, *options, count=3 if minutes >= 1 else 2, program=program) as replicas:
        yield replicas


class Users:
    """Who makes jobs, and looks at what became of them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.big = 0

    def create(self, name: str, *, hosts: int = 1, lines: int = 1) -> None:
        pause = 0.1 if lines > 1 else 0
        again = {"MaximumRetryAttempts": TRIES}
        create(self._world, name, lines=lines, pause=pause, hosts=hosts, RetryStrategy=again)

    def of_four(self, _: random.Random) -> None:
        """A job of four hosts, from its creation to its end."""
        self.big += 1
        name = f"four-{self.big}"
        self.create(name, hosts=4, lines=60)
        self.ended(name)
        self.check(name, hosts=4)

    def ended(self, name: str) -> None:
        eventually(
            lambda: self.told(name)["TrainingJobStatus"] != "InProgress",
            within=PATIENCE,
            every=0.3,
            what=lambda: f"the end of {name}: {self.told(name)}",
        )

    def told(self, name: str) -> dict[str, Any]:
        return self._world("sagemaker", "describe_training_job", TrainingJobName=name).body

    def check(self, name: str, *, hosts: int = 1) -> None:
        """It ended well, each try of each host ran once at most, and what it left is of a host's last try."""
        job = self.told(name)
        story = [each["Status"] for each in job["SecondaryStatusTransitions"]]
        where = f"{name} by {story}, {job.get('FailureReason', '')!r}"
        assert job["TrainingJobStatus"] == "Completed", where
        lasts = []
        for number in range(1, hosts + 1):
            host = name if number == 1 else f"{name}/algo-{number}"
            starts = self._world.witness.starts(host)
            assert 1 <= len(starts) <= 1 + story.count("Restarting"), f"{where}: {host} ran {len(starts)} times"
            assert host not in self._world.witness.doubled, f"{where}: {host} ran beside itself"
            assert not self._world.witness.live(host), f"{where}: {host} still runs"
            lasts.append(f"{starts[-1]}\n".encode())
        bucket, _, key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
        model = unpacked(self._world("s3", "get_object", Bucket=bucket, Key=key).body["Body"])
        assert model["runs"] in lasts, f"{where}: its model is {model}, its last runs were {lasts}"


class Killers:
    """Who kills, and sees to it that others take the places of those. One server at least, and two nodes, are up."""

    def __init__(self, world: World, replicas: Replicas, nodes: RayNodes, tell: Callable[[str], None]) -> None:
        """`tell` is told what is going to be killed."""
        self._world, self._replicas, self._nodes, self._tell = world, replicas, nodes, tell
        self.servers = self.nodes = 0
        """How many were killed."""

    def of_servers(self, choose: random.Random) -> None:
        time.sleep(choose.uniform(2, 12))
        self._tell("servers")
        self.servers += self._replicas.kill(choose)
        time.sleep(choose.uniform(0, 3))
        self._replicas.start()

    def of_nodes(self, choose: random.Random) -> None:
        time.sleep(choose.uniform(2, 10))
        name, whole = choose.choice(self._nodes.names()), choose.random() < 0.5
        self._tell(f"{name}, {'all at once' if whole else 'with Ray'}")
        self._nodes.kill(name, whole=whole)
        self.nodes += 1
        time.sleep(choose.uniform(0, 3))
        if not self._world.resting.is_set():  # two nodes are enough for what is left
            self._nodes.add()


def test_nodes_and_replicas_come_and_go(
    nodes: RayNodes, replicas: Replicas, seed: int, minutes: float, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(replicas, seed)
    replicas.start()
    world.prepare()
    serve(world, ENDPOINT, INSTANCES)
    users = Users(world)
    queue = [f"queued-{number}" for number in range(round(JOBS_A_MINUTE * minutes))]
    for name in queue:
        users.create(name)
    load = Load(replicas, ENDPOINT, pause=0.02)

    def tell(what: str) -> None:
        load.during = f"the end of {what}"
        if minutes >= 1:
            with capsys.disabled():
                print(f"   {load.answered} answers, {len(load.failures)} failures; now: {load.during}", flush=True)

    killers = Killers(world, replicas, nodes, tell)
    end = time.monotonic() + 60 * minutes
    with load:
        for name, act in (("jobs", users.of_four), ("servers", killers.of_servers), ("nodes", killers.of_nodes)):
            world.user(name, act)
        eventually(
            lambda: world.failures or time.monotonic() > end, within=60 * minutes + 10, every=0.5, what="the end"
        )
        world.rest(PATIENCE)
        assert not world.failures, f"--chaos-seed={seed}\n" + "\n".join(world.failures) + f"\n{replicas.tail()}"
        for name in queue:
            users.ended(name)
        eventually(lambda: is_whole(world, ENDPOINT, INSTANCES), within=180, what="all instances of the endpoint")
    for name in queue:
        users.check(name)
    load.check()
    assert load.answered > 100 * minutes
    eventually(lambda: not nodes.holding("train-"), within=60, what="an end of what jobs left on nodes")
    print(
        f"killed: {killers.nodes} nodes, {killers.servers} servers; ran: {len(queue)} jobs, {users.big} of four hosts"
    )
    print(
        f"{load.answered} requests were answered, with {load.tries} tries more; the longest took {load.longest:.0f} s"
    )
    world.close()
