"""Three servers share their data and are killed at random; what any of them acknowledged stays true at all of them."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sagewright.testing.postgres import NoPostgres, serving

from .server import Server, eventually
from .test_kill import end_all
from .witness import Witness
from .world import BUCKET, IMAGE, OUTPUT, SCRIPTS, packed, unpacked

GROUP = "/aws/sagemaker/TrainingJobs"
PATIENCE = 120.0
"""Seconds until what was asked for is done, with servers dying meanwhile."""
_CONFIG = Config(retries={"mode": "standard", "max_attempts": 3}, connect_timeout=2, read_timeout=60)


class Replicas:
    """The servers, and a client that asks the next one when one does not answer."""

    def __init__(self, folder: Path, store: str) -> None:
        flags = ("--replica", "--store", store)
        self.servers = [Server(folder, *flags, log=f"{name}.log") for name in "abc"]
        for server in self.servers:
            server.start()
        keys = self.servers[0].environment()
        self._session = boto3.Session(
            keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys["AWS_SESSION_TOKEN"], "us-east-1"
        )
        self._made = threading.Lock()
        self._clients: dict[tuple[int, str], Any] = {}
        self._turn = itertools.count()

    def at(self, number: int, service: str) -> Any:
        with self._made:
            if (number, service) not in self._clients:
                url = f"http://127.0.0.1:{self.servers[number].port}"
                self._clients[number, service] = self._session.client(service, endpoint_url=url, config=_CONFIG)
            return self._clients[number, service]

    def __call__(self, service: str, operation: str, *, done: str = "", **params: Any) -> Any:
        """The first answer of any of them. `done` is in the refusal of what an earlier try has done already."""
        end = time.monotonic() + PATIENCE
        tries = 0
        while True:
            number = next(self._turn) % len(self.servers)
            try:
                return getattr(self.at(number, service), operation)(**params)
            except ClientError as error:
                if tries and done and done in str(error):
                    return None
                if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500 or time.monotonic() > end:
                    raise
            except BotoCoreError:
                if time.monotonic() > end:
                    raise
            tries += 1
            time.sleep(0.05)


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[Replicas]:
    try:
        with serving() as database:
            made = Replicas(tmp_path, database.new_database())
            yield made
            for server in made.servers:
                server.kill()
            end_all(made.servers[0])
    except NoPostgres as error:
        pytest.skip(str(error))


class Users:
    """Each acts until it is told to rest; what was acknowledged is written down here."""

    def __init__(self, ask: Replicas, witness: Witness, role: str) -> None:
        self._ask, self._witness, self._role = ask, witness, role
        self.resting = threading.Event()
        self.jobs: dict[str, int] = {}
        """Names, and how many lines each prints."""
        self.objects: dict[str, bytes] = {}
        self.invocations = 0

    def train(self, choose: random.Random) -> None:
        for number in itertools.count():
            if self.resting.is_set():
                return
            name, lines = f"job-{choose.randrange(10**9)}-{number}", choose.choice((1, 10, 40))
            self._create(name, lines, choose.uniform(0, 4) / lines)
            self.jobs[name] = lines
            assert self._ask("sagemaker", "describe_training_job", TrainingJobName=name)["TrainingJobName"] == name
            while not self.resting.is_set() and not self.ended(name):
                time.sleep(0.2)

    def put(self, choose: random.Random) -> None:
        for number in itertools.count():
            if self.resting.is_set():
                return
            key, body = f"{number % 7}/{number}", choose.randbytes(choose.choice((10, 10_000, 300_000)))
            self._ask("s3", "put_object", Bucket=BUCKET, Key=key, Body=body)
            self.objects[key] = body
            assert self._ask("s3", "get_object", Bucket=BUCKET, Key=key)["Body"].read() == body

    def invoke(self, _choose: random.Random) -> None:
        while not self.resting.is_set():
            answer = self._ask("sagemaker-runtime", "invoke_endpoint", EndpointName="steady", Body=b"[[1]]",
                               ContentType="application/json")  # fmt: skip
            assert b"one" in answer["Body"].read()
            self.invocations += 1

    def ended(self, name: str) -> bool:
        told = self._ask("sagemaker", "describe_training_job", TrainingJobName=name)
        assert told["TrainingJobStatus"] in ("InProgress", "Completed"), told.get("FailureReason")
        return bool(told["TrainingJobStatus"] == "Completed")

    def _create(self, name: str, lines: int, pause: float) -> None:
        told = {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://{BUCKET}/code/source.tar.gz",
            "witness": self._witness.port,
            "lines": lines,
            "pause": round(pause, 4),
            "end": "ok",
        }
        self._ask(
            "sagemaker",
            "create_training_job",
            done="ResourceInUse",
            TrainingJobName=name,
            RoleArn=self._role,
            AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            HyperParameters={key: json.dumps(value) for key, value in told.items()},
            OutputDataConfig={"S3OutputPath": f"s3://{OUTPUT}/jobs"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 600},
        )


def prepare(ask: Replicas, witness: Witness) -> str:
    """Code, a model and an endpoint that serves it; the ARN of the role."""
    role = str(ask("iam", "get_role", RoleName="SagewrightExecutionRole")["Role"]["Arn"])
    for bucket in (BUCKET, OUTPUT):
        ask("s3", "create_bucket", Bucket=bucket)
    script = (SCRIPTS / "train.py").read_bytes()
    ask("s3", "put_object", Bucket=BUCKET, Key="code/source.tar.gz", Body=packed({"train.py": script}))
    script = (SCRIPTS / "inference.py").read_bytes()
    body = packed({"code/inference.py": script, "version": b"one"})
    ask("s3", "put_object", Bucket=BUCKET, Key="models/one.tar.gz", Body=body)
    container = {
        "Image": IMAGE,
        "ModelDataUrl": f"s3://{BUCKET}/models/one.tar.gz",
        "Environment": {"WITNESS": str(witness.port), "OWNER": "steady"},
    }
    ask("sagemaker", "create_model", ModelName="steady", PrimaryContainer=container, ExecutionRoleArn=role)
    variant = {"VariantName": "v", "ModelName": "steady", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    ask("sagemaker", "create_endpoint_config", EndpointConfigName="steady", ProductionVariants=[variant])
    ask("sagemaker", "create_endpoint", EndpointName="steady", EndpointConfigName="steady")

    def serves() -> bool:
        return bool(ask("sagemaker", "describe_endpoint", EndpointName="steady")["EndpointStatus"] == "InService")

    eventually(serves, within=PATIENCE, what="an endpoint in service")
    return role


def test_replicas_killed_at_random(replicas: Replicas, rounds: int, seed: int) -> None:
    choose, witness = random.Random(seed), Witness(lambda _what: None)
    users = Users(replicas, witness, prepare(replicas, witness))
    acts: list[Callable[[random.Random], None]] = [users.train, users.train, users.put, users.invoke]
    with ThreadPoolExecutor(len(acts)) as threads:
        doing = [threads.submit(act, random.Random(f"{seed} {number}")) for number, act in enumerate(acts)]
        try:
            for _ in range(max(2, rounds // 2)):
                time.sleep(choose.uniform(0.5, 4))
                for server in choose.sample(replicas.servers, choose.choice((1, 1, 2))):
                    server.kill()
                time.sleep(choose.uniform(0, 6))
                for server in replicas.servers:
                    if not server.up.is_set():
                        server.start()
        finally:
            users.resting.set()
        for each in doing:
            each.result(PATIENCE)
    check(replicas, users, witness)
    witness.close()


def check(ask: Replicas, users: Users, witness: Witness) -> None:
    """Nothing that was acknowledged is lost, and nothing ran twice."""
    assert users.jobs
    assert users.objects
    assert users.invocations
    for name, lines in users.jobs.items():
        eventually(lambda: users.ended(name), within=PATIENCE, what=f"the end of {name}")  # noqa: B023
        (run,) = witness.starts(name)
        body = ask("s3", "get_object", Bucket=OUTPUT, Key=f"jobs/{name}/output/model.tar.gz")["Body"].read()
        assert unpacked(body)["runs"].decode().split() == [run]
        assert printed(ask, name) == [f"line {number}" for number in range(lines)]
    for number in range(len(ask.servers)):
        listed = ask.at(number, "sagemaker").get_paginator("list_training_jobs").paginate()
        assert {each["TrainingJobName"] for page in listed for each in page["TrainingJobSummaries"]} == {*users.jobs}
        for key, body in users.objects.items():
            assert ask.at(number, "s3").get_object(Bucket=BUCKET, Key=key)["Body"].read() == body


def printed(ask: Replicas, name: str) -> list[str]:
    """The numbered lines that a job's log holds."""
    found = ask("logs", "describe_log_streams", logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
    (stream,) = [each["logStreamName"] for each in found]
    events = ask("logs", "get_log_events", logGroupName=GROUP, logStreamName=stream, startFromHead=True)["events"]
    return [event["message"].split(" .")[0].strip() for event in events if event["message"].startswith("line ")]
