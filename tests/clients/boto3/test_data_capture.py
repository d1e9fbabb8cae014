"""Data capture: what endpoints were asked and answered, in S3."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from .refusals import refusal

PATIENCE = {"Delay": 1, "MaxAttempts": 300}
Unique = Callable[[str], str]
_NAME = r"(\d{4}/\d\d/\d\d/\d\d)/\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl"
KEY = "arn:aws:kms:us-east-1:111122223333:key/captures"


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


@pytest.fixture(scope="module")
def runtime() -> Any:
    return boto3.client("sagemaker-runtime")


@pytest.fixture(scope="module")
def configure(
    sagemaker: Any, container: dict[str, Any], role: str, bucket: str, unique: Unique
) -> Callable[..., dict[str, Any]]:
    """Makes an endpoint configuration that captures all; what it was made of."""
    model = unique("captured")
    sagemaker.create_model(ModelName=model, PrimaryContainer=container, ExecutionRoleArn=role)
    variant = {"VariantName": "v", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}

    def configure(**capture: Any) -> dict[str, Any]:
        name = unique("captured")
        wanted = {
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{bucket}/{name}",
            "KmsKeyId": KEY,
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
            **capture,
        }
        request = {"EndpointConfigName": name, "ProductionVariants": [variant], "DataCaptureConfig": wanted}
        sagemaker.create_endpoint_config(**request)
        return request

    return configure


@pytest.fixture(scope="module")
def config(configure: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    return configure()


@pytest.fixture(scope="module")
def endpoint(sagemaker: Any, config: dict[str, Any], unique: Unique) -> Iterator[str]:
    name = unique("captured")
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config["EndpointConfigName"])
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=PATIENCE)
    yield name
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=PATIENCE)


@pytest.fixture(scope="module")
def captures(s3: Any, bucket: str, eventually: Callable[..., Any]) -> Callable[..., dict[str, list[dict[str, Any]]]]:
    """The events below a prefix by key, once there are so many."""

    def captures(prefix: str, count: int) -> dict[str, list[dict[str, Any]]]:
        def read() -> dict[str, list[dict[str, Any]]] | None:
            found = {}
            for each in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ()):
                text = s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read().decode()
                assert text.endswith("}\n")
                found[each["Key"]] = [json.loads(line) for line in text.split("\n")[:-1]]
            return found if sum(map(len, found.values())) >= count else None

        return dict(eventually(read))

    return captures


def test_all_is_captured(
    runtime: Any,
    endpoint: str,
    config: dict[str, Any],
    captures: Callable[..., Any],
    rows: list[list[float]],
) -> None:
    csv = "\n".join(",".join(map(str, row)) for row in rows)
    answers = [
        runtime.invoke_endpoint(
            EndpointName=endpoint,
            ContentType="text/csv",
            Accept="application/json",
            Body=csv,
            InferenceId="house-1",
            CustomAttributes="trace=7",
        ),
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=json.dumps(rows)),
    ]
    with pytest.raises(runtime.exceptions.ModelError):
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=b"no,numbers")
    found = captures(config["EndpointConfigName"], 2)
    now = datetime.now(UTC)
    for key in found:
        hour = re.fullmatch(rf"{config['EndpointConfigName']}/{endpoint}/v/{_NAME}", key)
        assert hour is not None, key
        assert abs((datetime.strptime(hour[1] + "Z", "%Y/%m/%d/%H%z") - now).total_seconds()) < 2 * 3600
    first, second = sorted(
        (event for events in found.values() for event in events),
        key=lambda event: "inferenceId" not in event["eventMetadata"],
    )
    metadata = first.pop("eventMetadata")
    assert metadata.pop("eventId") != second["eventMetadata"]["eventId"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", metadata.pop("inferenceTime"))
    assert metadata == {"inferenceId": "house-1", "customAttributes": ["trace=7"]}
    answer = answers[0]["Body"].read().decode()
    assert first == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv",
                "mode": "INPUT",
                "data": csv,
                "encoding": "CSV",
            },
            "endpointOutput": {
                "observedContentType": "application/json",
                "mode": "OUTPUT",
                "data": answer,
                "encoding": "JSON",
            },
        },
        "eventVersion": "0",
    }


def test_the_endpoint_tells_that_it_captures(sagemaker: Any, endpoint: str, config: dict[str, Any]) -> None:
    wanted = config["DataCaptureConfig"]
    described = sagemaker.describe_endpoint_config(EndpointConfigName=config["EndpointConfigName"])
    assert described["DataCaptureConfig"] == wanted
    assert sagemaker.describe_endpoint(EndpointName=endpoint)["DataCaptureConfig"] == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 100,
        "DestinationS3Uri": wanted["DestinationS3Uri"],
        "KmsKeyId": KEY,
    }


def test_a_restart_loses_neither_captures_nor_counts(
    runtime: Any, endpoint: str, config: dict[str, Any], captures: Callable[..., Any], server: Any
) -> None:
    """What the server had in memory is there as soon as it is back."""
    body, named = json.dumps([[0.0] * 13]), [f"restart-{number}" for number in range(5)]
    for name in named:
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=body, InferenceId=name)
    server.command("restart")
    found = [
        event["eventMetadata"] for events in captures(config["EndpointConfigName"], 5).values() for event in events
    ]
    assert [each["inferenceId"] for each in found if each.get("inferenceId") in named] == named
    now = datetime.now(UTC)
    (counted,) = boto3.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "v"}],
        StartTime=now - timedelta(minutes=30),
        EndTime=now + timedelta(minutes=30),
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    assert counted["Sum"] >= len(named)


def test_an_update_changes_what_is_captured(
    sagemaker: Any,
    runtime: Any,
    endpoint: str,
    configure: Callable[..., dict[str, Any]],
    captures: Callable[..., Any],
    rows: list[list[float]],
    s3: Any,
    bucket: str,
) -> None:
    def switch(**capture: Any) -> str:
        name = str(configure(**capture)["EndpointConfigName"])
        sagemaker.update_endpoint(
            EndpointName=endpoint,
            EndpointConfigName=name,
            RetainAllVariantProperties=True,
            ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DataCaptureConfig"}],
        )
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=endpoint, WaiterConfig=PATIENCE)
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=body)
        return name

    body = json.dumps(rows)
    off = switch(EnableCapture=False)
    told = sagemaker.describe_endpoint(EndpointName=endpoint)["DataCaptureConfig"]
    assert (told["EnableCapture"], told["CaptureStatus"]) == (False, "Stopped")
    on = switch(CaptureOptions=[{"CaptureMode": "Input"}], CaptureContentTypeHeader={"CsvContentTypes": ["text/csv"]})
    ((event,),) = captures(on, 1).values()
    (side,) = event["captureData"].values()
    assert (side["mode"], side["encoding"], b64decode(side["data"]).decode()) == ("INPUT", "BASE64", body)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix=off)


def test_captures_must_go_to_s3(configure: Callable[..., dict[str, Any]]) -> None:
    code, message = refusal(configure, DestinationS3Uri="https://somewhere/else")
    assert code == "ValidationException"
    assert "s3://bucket/key" in message
