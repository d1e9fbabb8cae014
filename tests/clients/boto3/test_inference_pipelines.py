"""Endpoints of several containers: one after the other (inference pipelines), and each by its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from .refusals import refusal

PATIENCE = {"Delay": 1, "MaxAttempts": 300}
Unique = Callable[[str], str]

# What comes before the model: rows of text become the JSON that it reads. It says so in its log.
BEFORE = """
import json

def model_fn(model_dir):
    return None

def transform_fn(model, data, content_type, accept):
    text = data if isinstance(data, str) else data.decode()
    print("before: ", content_type, flush=True)
    return json.dumps([[float(cell) for cell in line.split(",")] for line in text.splitlines()]), "application/json"
"""

# What comes after it: prices in dollars, and what it was called with.
AFTER = """
import json

def model_fn(model_dir):
    return None

def transform_fn(model, data, content_type, accept):
    text = data if isinstance(data, str) else data.decode()
    dollars = [round(1000 * price) for price in json.loads(text)]
    return json.dumps({"from": content_type, "dollars": dollars}), "application/json"
"""


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


@pytest.fixture(scope="module")
def runtime() -> Any:
    return boto3.client("sagemaker-runtime")


@pytest.fixture(scope="module")
def stages(container: dict[str, Any], scripted: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    before, after = (
        {**scripted(code), "ContainerHostname": name} for name, code in (("before", BEFORE), ("after", AFTER))
    )
    return [before, {**container, "ContainerHostname": "model"}, after]


@pytest.fixture(scope="module")
def serve(sagemaker: Any, role: str, unique: Unique) -> Iterator[Callable[..., str]]:
    """Starts an endpoint on a model of these containers; all are deleted in the end."""
    names: list[str] = []

    def serve(containers: list[dict[str, Any]], **members: Any) -> str:
        name = unique("pipeline")
        sagemaker.create_model(ModelName=name, Containers=containers, ExecutionRoleArn=role, **members)
        variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large"}
        variants = [{**variant, "InitialInstanceCount": 1}]
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        names.append(name)
        return name

    yield serve
    for name in names:
        sagemaker.delete_endpoint(EndpointName=name)
    for name in names:
        sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=PATIENCE)


@pytest.fixture(scope="module")
def both(sagemaker: Any, serve: Callable[..., str], stages: list[dict[str, Any]]) -> tuple[str, str]:
    """An endpoint whose containers follow each other, and one whose containers are asked by name."""
    direct = {"InferenceExecutionConfig": {"Mode": "Direct"}}
    names = (serve(stages), serve(stages[:2], **direct))
    for name in names:
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=PATIENCE)
    return names


def text(rows: list[list[float]]) -> str:
    return "\n".join(",".join(map(str, row)) for row in rows)


def test_each_container_gets_what_the_one_before_answered(
    runtime: Any, both: tuple[str, str], rows: list[list[float]]
) -> None:
    answer = runtime.invoke_endpoint(EndpointName=both[0], ContentType="text/csv", Body=text(rows))
    told = json.loads(answer["Body"].read())
    assert (answer["ContentType"], told["from"]) == ("application/json", "application/json")
    assert all(5_000 < dollars < 50_000 for dollars in told["dollars"])
    assert len(told["dollars"]) == 3


def test_the_first_failure_is_the_answer(runtime: Any, both: tuple[str, str]) -> None:
    with pytest.raises(runtime.exceptions.ModelError) as caught:
        runtime.invoke_endpoint(EndpointName=both[0], ContentType="text/csv", Body="no,number")
    assert "could not convert string to float" in caught.value.response["OriginalMessage"]


def test_containers_are_asked_by_their_names(runtime: Any, both: tuple[str, str], rows: list[list[float]]) -> None:
    def ask(name: str, kind: str, body: str) -> Any:
        answer = runtime.invoke_endpoint(
            EndpointName=both[1], TargetContainerHostname=name, ContentType=kind, Body=body
        )
        return json.loads(answer["Body"].read())

    assert ask("before", "text/csv", text(rows)) == rows
    assert len(ask("model", "application/json", json.dumps(rows))) == 3


@pytest.mark.parametrize(
    ("which", "target", "words"),
    [
        (1, None, "Name one of the containers in TargetContainerHostname: before, model."),
        (1, "after", "There is no container named after, only before, model."),
        (0, "after", "TargetContainerHostname is for models whose containers are invoked directly"),
    ],
)
def test_a_container_that_cannot_be_asked(
    runtime: Any, both: tuple[str, str], which: int, target: str | None, words: str
) -> None:
    named = {} if target is None else {"TargetContainerHostname": target}
    request = {"EndpointName": both[which], "ContentType": "text/csv", "Body": "1", **named}
    code, told = refusal(runtime.invoke_endpoint, **request)
    assert (code, words in told) == ("ValidationError", True), told


def test_each_container_has_a_log_and_an_image(
    sagemaker: Any, runtime: Any, both: tuple[str, str], eventually: Callable[..., Any]
) -> None:
    (variant,) = sagemaker.describe_endpoint(EndpointName=both[0])["ProductionVariants"]
    assert len(variant["DeployedImages"]) == 3
    runtime.invoke_endpoint(EndpointName=both[0], ContentType="text/csv", Body="1," * 12 + "1")
    logs = boto3.client("logs")

    def streams() -> set[str]:
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{both[0]}")["events"]
        except logs.exceptions.ResourceNotFoundException:  # nothing printed yet
            return set()
        return {event["logStreamName"] for event in events if "before:" in event["message"]}

    (stream,) = eventually(streams)
    assert stream.startswith("AllTraffic/i-")
    assert stream.endswith("/before")


def test_objects_go_through_all_containers_in_a_batch(
    sagemaker: Any, s3: Any, box: str, both: tuple[str, str], rows: list[list[float]], unique: Unique
) -> None:
    s3.put_object(Bucket=box, Key="in/houses.csv", Body=text(rows))
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{box}/in/"}
    name = unique("pipeline")
    sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=both[0],
        TransformInput={"DataSource": {"S3DataSource": source}, "ContentType": "text/csv", "SplitType": "Line"},
        TransformOutput={"S3OutputPath": f"s3://{box}/out"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    waiter = sagemaker.get_waiter("transform_job_completed_or_stopped")
    waiter.wait(TransformJobName=name, WaiterConfig=PATIENCE)
    job = sagemaker.describe_transform_job(TransformJobName=name)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    told = json.loads(s3.get_object(Bucket=box, Key="out/houses.csv.out")["Body"].read())
    assert (told["from"], len(told["dollars"])) == ("application/json", 3)


@pytest.mark.parametrize(
    ("names", "mode", "words"),
    [
        (["one", "one"], "Serial", "hostnames must be unique"),
        (["one", None], "Serial", "to each of the containers, or to none"),
        ([None, None], "Direct", "need a ContainerHostname each"),
    ],
)
def test_containers_that_cannot_be_told_apart_are_refused(
    sagemaker: Any, container: dict[str, Any], role: str, names: list[str | None], mode: str, words: str
) -> None:
    containers = [container if name is None else {**container, "ContainerHostname": name} for name in names]
    request = {"ModelName": "never", "Containers": containers, "ExecutionRoleArn": role}
    code, told = refusal(sagemaker.create_model, **request, InferenceExecutionConfig={"Mode": mode})
    assert (code, words in told) == ("ValidationException", True), told
