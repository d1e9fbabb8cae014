"""A shadow variant gets copies of requests, is counted and captured, and nobody else notices."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from .refusals import refusal

PATIENCE = {"Delay": 1, "MaxAttempts": 120}
Unique = Callable[[str], str]
Wait = Callable[..., Any]

# Says which one it is, and in its log what it was asked; the word "fall" ends it.
NAMED = """
import os

def model_fn(model_dir):
    return {name!r}

def transform_fn(model, data, content_type, accept):
    text = data if isinstance(data, str) else data.decode()
    print(model, "was asked", text, flush=True)
    if text == "fall" and model == "shadow":
        os._exit(3)
    return model, "text/plain"
"""


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


@pytest.fixture(scope="module")
def variant(
    sagemaker: Any, scripted: Callable[[str], dict[str, Any]], role: str, unique: Unique
) -> Callable[..., dict[str, Any]]:
    """Makes a variant on a model that says this name."""

    def made(name: str, **more: Any) -> dict[str, Any]:
        model = unique(f"model-{name}")
        container = scripted(NAMED.format(name=name))
        sagemaker.create_model(ModelName=model, PrimaryContainer=container, ExecutionRoleArn=role)
        return {
            "VariantName": name,
            "ModelName": model,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            **more,
        }

    return made


@pytest.fixture(scope="module")
def endpoint(sagemaker: Any, variant: Callable[..., dict[str, Any]], bucket: str, unique: Unique) -> Iterator[str]:
    name = unique("shadowed")
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[variant("production")],
        ShadowProductionVariants=[variant("shadow")],
        DataCaptureConfig={
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{bucket}/captured",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv", "text/plain"]},
        },
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=PATIENCE)
    yield name
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=PATIENCE)


@pytest.fixture(scope="module")
def ask(endpoint: str) -> Callable[[str], str]:
    """Who answers a text."""
    runtime = boto3.client("sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}))

    def ask(text: str) -> str:
        answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=text.encode())
        return f"{answer['InvokedProductionVariant']}: {answer['Body'].read().decode()}"

    return ask


@pytest.fixture(scope="module")
def asked(endpoint: str) -> Callable[[str, str], int]:
    """How often a variant was asked a text, by its log."""
    logs = boto3.client("logs")

    def asked(name: str, text: str) -> int:
        where = {"logGroupName": f"/aws/sagemaker/Endpoints/{endpoint}", "logStreamNamePrefix": f"{name}/"}
        try:
            events = logs.filter_log_events(**where)["events"]
        except logs.exceptions.ResourceNotFoundException:
            return 0
        return sum(event["message"] == f"{name} was asked {text}" for event in events)

    return asked


def test_each_request_is_copied_and_production_answers(
    sagemaker: Any, endpoint: str, ask: Callable[[str], str], asked: Callable[[str, str], int], eventually: Wait
) -> None:
    assert {ask("hello") for _ in range(5)} == {"production: production"}
    eventually(lambda: asked("production", "hello") == asked("shadow", "hello") == 5)
    told = sagemaker.describe_endpoint(EndpointName=endpoint)
    assert [each["VariantName"] for each in told["ProductionVariants"]] == ["production"]
    (shadow,) = told["ShadowProductionVariants"]
    assert (shadow["VariantName"], shadow["CurrentInstanceCount"], shadow["CurrentWeight"]) == ("shadow", 1, 1.0)


def test_a_shadow_cannot_be_asked(endpoint: str) -> None:
    runtime = boto3.client("sagemaker-runtime")
    code, _ = refusal(runtime.invoke_endpoint, EndpointName=endpoint, TargetVariant="shadow", Body=b"")
    assert code == "ValidationError"


def test_a_shadow_that_falls_hurts_nobody_and_comes_back(
    ask: Callable[[str], str], asked: Callable[[str, str], int], eventually: Wait
) -> None:
    for _ in range(3):
        assert ask("fall") == "production: production"

    def back() -> bool:
        assert ask("again") == "production: production"
        return asked("shadow", "again") > 0

    eventually(back)


def test_its_answers_are_captured_under_its_name(s3: Any, bucket: str, endpoint: str, eventually: Wait) -> None:
    def captured(name: str) -> list[dict[str, Any]]:
        found = s3.list_objects_v2(Bucket=bucket, Prefix=f"captured/{endpoint}/{name}/").get("Contents", ())
        lines = [s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read().decode() for each in found]
        return [json.loads(line)["captureData"] for text in lines for line in text.splitlines()]

    def answers(name: str) -> set[str]:
        return {each["endpointOutput"]["data"] for each in captured(name) if each["endpointInput"]["data"] == "hello"}

    eventually(lambda: answers("production") and answers("shadow"))
    assert (answers("production"), answers("shadow")) == ({"production"}, {"shadow"})


def test_the_sample_follows_the_weight(
    sagemaker: Any, endpoint: str, ask: Callable[[str], str], asked: Callable[[str, str], int], eventually: Wait
) -> None:
    for weight, text, copies in ((0, "none", 0), (1, "all", 10)):
        wanted = [{"VariantName": "shadow", "DesiredWeight": weight}]
        sagemaker.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=wanted)
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=endpoint, WaiterConfig=PATIENCE)
        for _ in range(10):
            ask(text)
        eventually(lambda text=text: asked("production", text) == 10)
        eventually(lambda text=text, copies=copies: asked("shadow", text) == copies)


@pytest.mark.parametrize(("production", "shadows"), [(["a", "b"], ["s"]), (["a"], ["s", "t"]), (["a"], ["a"])])
def test_one_production_variant_has_one_shadow(
    sagemaker: Any, variant: Callable[..., dict[str, Any]], production: list[str], shadows: list[str], unique: Unique
) -> None:
    code, _ = refusal(
        sagemaker.create_endpoint_config,
        EndpointConfigName=unique("config"),
        ProductionVariants=[variant(name) for name in production],
        ShadowProductionVariants=[variant(name) for name in shadows],
    )
    assert code == "ValidationException"
