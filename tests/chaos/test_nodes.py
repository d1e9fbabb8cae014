"""The nodes of a Ray cluster and the server are killed at random, while jobs run on several of them, a queue of small
ones is worked off, and an endpoint answers.

Runs in the environment that has Ray: `make chaos-ray`, for ten minutes.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from .server import Server, eventually
from .world import BUCKET, IMAGE, OUTPUT, World, unpacked

pytest.importorskip("ray", reason="Ray is in an environment of its own: make chaos-ray")
from sagewright.testing.ray_nodes import RayNodes

ENDPOINT = "spread"
INSTANCES = NODES = 3
JOBS_A_MINUTE = 20
TRIES = 30


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[RayNodes]:
    with RayNodes(tmp_path / "nodes", count=NODES) as nodes:
        yield nodes


@pytest.fixture
def server(tmp_path: Path, nodes: RayNodes) -> Iterator[Server]:
    program = (sys.executable, "-m", "sagewright.cli")
    server = Server(tmp_path, "--engine", "ray", "--ray-address", nodes.address, program=program)
    try:
        yield server
    finally:
        server.kill(group=True)


class Load:
    """A client that asks the endpoint without a pause, and tries again as botocore does by itself. What it asks while
    the server is killed is nobody's fault."""

    def __init__(self, world: World) -> None:
        self._server = world.server
        environment = world.server.environment()
        self._client = boto3.client(
            "sagemaker-runtime",
            region_name="us-east-1",
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=environment["AWS_SESSION_TOKEN"],
            endpoint_url=f"http://127.0.0.1:{world.server.port}",
            config=Config(retries={"mode": "standard"}),
        )
        self.answered = 0
        self.failures: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(60)

    def _ask(self) -> None:
        while not self._over.is_set():
            life, up = self._server.lives, self._server.up.wait(1)
            word = f"{self.answered}"
            try:
                body = json.dumps(word)
                answer = self._client.invoke_endpoint(EndpointName=ENDPOINT, ContentType="application/json", Body=body)
                said = json.loads(json.loads(answer["Body"].read())["said"])
                assert said == word, f"{said} is the answer to something else"
                self.answered += 1
            except Exception as error:  # noqa: BLE001  # whatever reaches a client
                if up and life == self._server.lives and self._server.up.is_set():
                    self.failures.append(f"{type(error).__name__}: {error}")
            time.sleep(0.02)


class Users:
    """Who makes jobs, and looks at what became of them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._big = 0
        self.waiting: list[str] = []

    def create(self, name: str, *, hosts: int = 1, lines: int = 1) -> None:
        told = {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://{BUCKET}/code/source.tar.gz",
            "witness": self._world.witness.port,
            "lines": lines,
            "pause": 0.1 if lines > 1 else 0,
            "end": "ok",
        }
        self._world(
            "sagemaker",
            "create_training_job",
            refused=("ResourceInUse",),
            TrainingJobName=name,
            RoleArn=self._world.role,
            AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            HyperParameters={key: json.dumps(value) for key, value in told.items()},
            OutputDataConfig={"S3OutputPath": f"s3://{OUTPUT}/jobs"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": hosts, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 3600},
            RetryStrategy={"MaximumRetryAttempts": TRIES},
        )

    def big(self, _: random.Random) -> None:
        """A job of four hosts, from its creation to its end."""
        self._big += 1
        name = f"four-{self._big}"
        self.create(name, hosts=4, lines=60)
        self.ended(name, within=300)
        self.check(name, hosts=4)

    def ended(self, name: str, *, within: float) -> None:
        eventually(
            lambda: self.told(name)["TrainingJobStatus"] != "InProgress",
            within=within,
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


class Killer:
    """Who kills."""

    def __init__(self, world: World, nodes: RayNodes) -> None:
        self._world, self._nodes = world, nodes
        self.done: list[str] = []

    def act(self, choose: random.Random) -> None:
        """One of them, and see to it that another takes its place."""
        time.sleep(choose.uniform(2, 8))
        if choose.random() < 0.4:
            self.done.append("server")
            self._world.server.kill(group=choose.random() < 0.5)
            time.sleep(choose.uniform(0, 1))
            self._world.server.start()
        else:
            self.done.append("node")
            self._nodes.kill(choose.choice(self._nodes.names()))
            time.sleep(choose.uniform(0, 3))
            self._nodes.add()


def test_nodes_and_servers_come_and_go(
    tmp_path: Path, nodes: RayNodes, server: Server, seed: int, minutes: float
) -> None:
    world = World(server, seed)
    server.start()
    world.prepare()
    serve(world)
    users, killer, choose = Users(world), Killer(world, nodes), random.Random(f"{seed} killer")
    queue = [f"queued-{number}" for number in range(round(JOBS_A_MINUTE * minutes))]
    for name in queue:
        users.create(name)
    world.user("four hosts", users.big)
    end = time.monotonic() + 60 * minutes
    with Load(world) as load:
        while time.monotonic() < end and not world.failures:
            killer.act(choose)
        world.rest(300)
        for name in queue:
            users.ended(name, within=300)
        eventually(lambda: is_whole(world), within=90, what="all instances of the endpoint")
    for name in queue:
        users.check(name)
    assert not world.failures, "\n".join(world.failures)
    assert not load.failures, f"{len(load.failures)} of {load.answered} requests failed: {load.failures[:3]}"
    assert load.answered > 100 * minutes
    eventually(lambda: not nodes.holding("train-"), within=30, what="an end of what jobs left on nodes")
    print(f"killed {killer.done.count('node')} nodes and {killer.done.count('server')} servers;", end=" ")
    print(f"{load.answered} requests were answered, {len(queue)} jobs ran")
    world.close()


def serve(world: World) -> None:
    """An endpoint whose instances are on all nodes."""
    container = {
        "Image": IMAGE,
        "ModelDataUrl": f"s3://{BUCKET}/models/one.tar.gz",
        "Environment": {
            "SAGEMAKER_PROGRAM": "inference.py",
            "WITNESS": str(world.witness.port),
            "OWNER": ENDPOINT,
            "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
        },
    }
    world("sagemaker", "create_model", ModelName=ENDPOINT, PrimaryContainer=container, ExecutionRoleArn=world.role)
    variant = {
        "VariantName": "all",
        "ModelName": ENDPOINT,
        "InitialInstanceCount": INSTANCES,
        "InstanceType": "ml.m5.large",
    }
    world("sagemaker", "create_endpoint_config", EndpointConfigName=ENDPOINT, ProductionVariants=[variant])
    world("sagemaker", "create_endpoint", EndpointName=ENDPOINT, EndpointConfigName=ENDPOINT)
    eventually(lambda: is_whole(world), within=120, what="an endpoint in service")


def is_whole(world: World) -> bool:
    told = world("sagemaker", "describe_endpoint", EndpointName=ENDPOINT).body
    assert told["EndpointStatus"] in ("Creating", "InService"), told
    variants = told.get("ProductionVariants", [])
    return told["EndpointStatus"] == "InService" and variants[0]["CurrentInstanceCount"] == INSTANCES
