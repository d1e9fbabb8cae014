"""Jobs and endpoints on the three nodes of a cluster, of which some are killed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sagewright.testing.ray_nodes import RayNodes

SCRIPTS = Path(__file__).parents[1] / "scripts"
PATIENCE = {"Delay": 1, "MaxAttempts": 120}
Request = Callable[..., dict[str, Any]]


def run(sagemaker: Any, request: dict[str, Any]) -> dict[str, Any]:
    sagemaker.create_training_job(**request)
    return ended(sagemaker, request)


def ended(sagemaker: Any, request: dict[str, Any]) -> dict[str, Any]:
    """The job as it is told of once it has ended, well or not."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        told = dict(sagemaker.describe_training_job(TrainingJobName=request["TrainingJobName"]))
        if told["TrainingJobStatus"] != "InProgress":
            return told
        time.sleep(0.2)
    raise AssertionError(f"it has not ended: {told}")


def left(s3: Any, told: dict[str, Any]) -> dict[str, bytes]:
    """The files of a job's model."""
    bucket, key = told["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").split("/", 1)
    with tarfile.open(fileobj=io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read())) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}


def said(told: dict[str, Any]) -> list[str]:
    """All lines of a job's log."""
    logs, group = boto3.client("logs"), "/aws/sagemaker/TrainingJobs"
    found = logs.filter_log_events(logGroupName=group, logStreamNamePrefix=f"{told['TrainingJobName']}/")
    return [event["message"] for event in found["events"]]


def test_the_hosts_of_a_job_are_on_all_nodes_and_find_each_other(
    sagemaker: Any, s3: Any, nodes: RayNodes, job_request: Request, eventually: Any
) -> None:
    request = job_request(SCRIPTS / "exchange.py")
    request["ResourceConfig"]["InstanceCount"] = 4
    sagemaker.create_training_job(**request)
    eventually(lambda: set(nodes.holding("train-")) == set(nodes.names()), timeout=300, every=0.02)
    told = ended(sagemaker, request)
    assert told["TrainingJobStatus"] == "Completed", told
    found = {name: json.loads(data)["hosts"] for name, data in left(s3, told).items()}
    names = ["algo-1", "algo-2", "algo-3", "algo-4"]
    assert found == {f"{name}.json": names for name in names}


def test_the_hosts_of_an_isolated_job_find_each_other(sagemaker: Any, job_request: Request) -> None:
    request = job_request(SCRIPTS / "exchange.py")
    request |= {"EnableNetworkIsolation": True}
    request["ResourceConfig"]["InstanceCount"] = 2
    told = run(sagemaker, request)  # they have heard each other
    assert told["TrainingJobStatus"] == "Completed", told


def test_a_large_channel_reaches_its_node(sagemaker: Any, s3: Any, bucket: str, job_request: Request) -> None:
    data = {f"part-{number}": os.urandom(9 << 20) for number in range(2)}  # so much is shown, not copied
    for name, content in data.items():
        s3.put_object(Bucket=bucket, Key=f"heavy/{name}", Body=content)
    for _ in range(2):  # the second time the node may have it already
        request = job_request(SCRIPTS / "weigh.py")
        request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = f"s3://{bucket}/heavy/"
        found = json.loads(left(s3, run(sagemaker, request))["found.json"])
        assert found == {name: hashlib.sha256(content).hexdigest() for name, content in data.items()}


def test_a_type_that_no_node_has_is_cut_to_the_largest(sagemaker: Any, job_request: Request) -> None:
    request = job_request(SCRIPTS / "weigh.py")
    request["ResourceConfig"]["InstanceType"] = "ml.p3.16xlarge"
    told = run(sagemaker, request)
    assert told["TrainingJobStatus"] == "Completed", told
    assert any("ml.p3.16xlarge has" in line for line in said(told)), said(told)


def test_a_killed_server_finds_its_job_again(
    sagemaker: Any, s3: Any, server: Any, job_request: Request, eventually: Any
) -> None:
    request = job_request(SCRIPTS / "linger.py", seconds=6)
    sagemaker.create_training_job(**request)
    name = {"TrainingJobName": request["TrainingJobName"]}
    eventually(lambda: sagemaker.describe_training_job(**name)["SecondaryStatus"] == "Training")
    server.kill()
    server.start()
    told = ended(sagemaker, request)
    assert told["TrainingJobStatus"] == "Completed", told
    assert left(s3, told) == {"partial.txt": b"as far as it came"}
    lines = said(told)
    assert [lines.count(f"the script has {what}") for what in ("begun", "ended")] == [1, 1]


@pytest.mark.parametrize("tries", [0, 1])
def test_a_job_whose_node_is_killed(
    sagemaker: Any, s3: Any, bucket: str, nodes: RayNodes, job_request: Request, eventually: Any, tries: int
) -> None:
    request = job_request(SCRIPTS / "second_try.py")
    prefix = f"second-try-{tries}"
    request["CheckpointConfig"] = {"S3Uri": f"s3://{bucket}/{prefix}"}
    if tries:
        request["RetryStrategy"] = {"MaximumRetryAttempts": tries}
    sagemaker.create_training_job(**request)
    eventually(lambda: s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents"))
    (home,) = nodes.holding("train-")
    nodes.kill(home)
    nodes.add()
    told = ended(sagemaker, request)
    if tries:
        assert told["TrainingJobStatus"] == "Completed", told
        assert "goes on from epoch 7" in said(told)
    else:
        assert told["TrainingJobStatus"] == "Failed"
        assert "lost the training task" in told["FailureReason"]


def test_an_endpoint_outlives_a_node(
    sagemaker: Any,
    nodes: RayNodes,
    container: dict[str, Any],
    role: str,
    unique: Callable[[str], str],
    rows: list[list[float]],
    eventually: Any,
) -> None:
    name = unique("spread")
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
    variant = {"VariantName": "all", "ModelName": name, "InitialInstanceCount": 3, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=PATIENCE)
    assert sorted(nodes.holding("serve-")) == nodes.names()
    runtime = boto3.client("sagemaker-runtime", config=Config(retries={"mode": "standard", "max_attempts": 5}))

    def predicts() -> bool:
        answer = runtime.invoke_endpoint(EndpointName=name, ContentType="application/json", Body=json.dumps(rows))
        return len(json.loads(answer["Body"].read())) == 3

    assert all(predicts() for _ in range(9))
    nodes.kill(nodes.names()[0])
    assert eventually(lambda: predicts() and len(nodes.holding("serve-")) == 3)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=PATIENCE)
    described = sagemaker.describe_endpoint(EndpointName=name)["ProductionVariants"][0]
    eventually(
        lambda: sagemaker.describe_endpoint(EndpointName=name)["ProductionVariants"][0]["CurrentInstanceCount"] == 3
    )
    assert described["DesiredInstanceCount"] == 3
    assert all(predicts() for _ in range(9))
    sagemaker.delete_endpoint(EndpointName=name)
    eventually(lambda: not nodes.holding("serve-"))
