"""What CloudWatch knows of endpoints: requests, errors, latencies, what instances use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from .refusals import refusal

PATIENCE = {"Delay": 1, "MaxAttempts": 300}
Unique = Callable[[str], str]
Ask = Callable[..., Any]

ECHO = """
def model_fn(model_dir):
    return None

def transform_fn(model, data, content_type, accept):
    text = data if isinstance(data, str) else data.decode()
    if text == "fail":
        raise RuntimeError("as it was asked to")
    return text, "text/csv"
"""


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


@pytest.fixture(scope="module")
def cloudwatch() -> Any:
    return boto3.client("cloudwatch")


@pytest.fixture(scope="module")
def model(sagemaker: Any, scripted: Ask, role: str, unique: Unique) -> str:
    name = unique("measured")
    sagemaker.create_model(ModelName=name, PrimaryContainer=scripted(ECHO), ExecutionRoleArn=role)
    return name


def config(model: str, name: str, **metrics: Any) -> dict[str, Any]:
    variant = {"VariantName": "v", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    return {"EndpointConfigName": name, "ProductionVariants": [variant], "MetricsConfig": metrics}


@pytest.fixture(scope="module")
def endpoint(sagemaker: Any, model: str, unique: Unique) -> Iterator[str]:
    """Eight requests have been sent to it, of which it could not answer two."""
    name = unique("measured")
    wanted = config(model, name, EnableEnhancedMetrics=True, MetricPublishFrequencyInSeconds=10)
    sagemaker.create_endpoint_config(**wanted)
    assert sagemaker.describe_endpoint_config(EndpointConfigName=name)["MetricsConfig"] == wanted["MetricsConfig"]
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=PATIENCE)
    runtime = boto3.client("sagemaker-runtime")
    for _ in range(6):
        runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body="1,2")
    for _ in range(2):
        with pytest.raises(runtime.exceptions.ModelError):
            runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body="fail")
    yield name
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=PATIENCE)


@pytest.fixture(scope="module")
def dimensions(endpoint: str) -> dict[str, str]:
    return {"EndpointName": endpoint, "VariantName": "v"}


@pytest.fixture(scope="module")
def measured(cloudwatch: Any, eventually: Ask) -> Callable[..., dict[str, Any]]:
    """All samples of a metric together, once there are so many: at most ten seconds after the last was taken."""

    def measured(
        name: str, dimensions: dict[str, str], namespace: str = "AWS/SageMaker", count: int = 1
    ) -> dict[str, Any]:
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        window = {"StartTime": now - timedelta(minutes=29), "EndTime": now + timedelta(minutes=31), "Period": 3600}

        def ask() -> Any:
            found = cloudwatch.get_metric_statistics(
                Namespace=namespace,
                MetricName=name,
                Dimensions=[{"Name": each, "Value": value} for each, value in dimensions.items()],
                Statistics=["SampleCount", "Sum", "Minimum", "Maximum"],
                ExtendedStatistics=["p50", "p99"],
                **window,
            )["Datapoints"]
            return found if sum(each["SampleCount"] for each in found) >= count else None

        (found,) = eventually(ask, every=0.5)
        return dict(found)

    return measured


def test_requests_and_their_errors_are_counted(measured: Ask, dimensions: dict[str, str]) -> None:
    for name, total in (
        ("Invocations", 8),
        ("InvocationsPerInstance", 8),
        ("Invocation4XXErrors", 0),
        ("Invocation5XXErrors", 2),
        ("InvocationModelErrors", 2),
    ):
        found = measured(name, dimensions, count=8)
        assert (name, found["SampleCount"], found["Sum"], found["Unit"]) == (name, 8, total, "None")


def test_latencies_have_percentiles(measured: Ask, dimensions: dict[str, str]) -> None:
    model, overhead = (measured(name, dimensions, count=8) for name in ("ModelLatency", "OverheadLatency"))
    for found in (model, overhead):
        assert (found["SampleCount"], found["Unit"]) == (8, "Microseconds")
        extended = found["ExtendedStatistics"]
        assert 0 < found["Minimum"] <= extended["p50"] <= extended["p99"] <= found["Maximum"] < 60e6
    assert overhead["Minimum"] < model["Minimum"]  # the others are a busy machine's, not theirs


def test_concurrency_is_that_of_one_caller(measured: Ask, dimensions: dict[str, str]) -> None:
    measured("Invocations", dimensions, count=8)
    found = measured("ConcurrentRequestsPerModel", dimensions)
    assert (found["Minimum"], found["Maximum"]) == (0, 1)
    assert 0 < found["Sum"] < found["SampleCount"]


def test_instances_tell_what_they_use(measured: Ask, cloudwatch: Any, dimensions: dict[str, str]) -> None:
    namespace = "/aws/sagemaker/Endpoints"
    for name in ("CPUUtilization", "MemoryUtilization", "DiskUtilization"):
        found = measured(name, dimensions, namespace)
        assert found["Unit"] == "Percent"
        assert 0 < found["Maximum"] <= 100 * (64 if name == "CPUUtilization" else 1)
    known = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    for metric in ("CPUUtilization", "Invocations"):
        listed = cloudwatch.list_metrics(MetricName=metric, Dimensions=[*known, {"Name": "InstanceId"}])["Metrics"]
        (own,) = ({each["Name"]: each["Value"] for each in one["Dimensions"]} for one in listed)
        assert own["InstanceId"].startswith("i-")
        assert measured(metric, own, listed[0]["Namespace"])["SampleCount"] > 0


def test_what_cannot_be_measured_is_refused(sagemaker: Any, model: str, unique: Unique) -> None:
    wanted = config(model, unique("measured"), MetricPublishFrequencyInSeconds=7)
    code, message = refusal(sagemaker.create_endpoint_config, **wanted)
    assert code == "ValidationException"
    assert "one of 10, 30, 60, 120, 180, 240, 300" in message
    wanted = config(model, unique("measured"), EnableDetailedObservability=True)
    code, message = refusal(sagemaker.create_endpoint_config, **wanted)
    assert code == "ValidationException"
    assert "detailed observability" in message
