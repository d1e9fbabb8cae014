"""Inference components through boto3: several models with copies of their own on one endpoint."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from .refusals import refusal

PATIENCE = {"Delay": 1, "MaxAttempts": 300}
LOG_GROUP = "/aws/sagemaker/InferenceComponents/"
Unique = Callable[[str], str]
Eventually = Callable[..., Any]

# A model of its own: the slope of a line is what its environment says.
LINE = """
import json, os
from sklearn.linear_model import LinearRegression

def model_fn(model_dir):
    slope = float(os.environ["SLOPE"])
    print("a line with the slope", slope, flush=True)
    return LinearRegression().fit([[0.0], [1.0]], [0.0, slope])

def transform_fn(model, data, content_type, accept):
    return json.dumps([round(value, 3) for value in model.predict(json.loads(data)).tolist()]), "application/json"
"""


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


@pytest.fixture(scope="module")
def runtime() -> Any:
    return boto3.client("sagemaker-runtime")


@pytest.fixture(scope="module")
def endpoint(sagemaker: Any, role: str, unique: Unique) -> Iterator[str]:
    """One without a model: an instance that has two vCPUs and 8 GiB, and grows to two when there is need."""
    name = unique("shared")
    scaling = {"Status": "ENABLED", "MinInstanceCount": 1, "MaxInstanceCount": 2}
    variant = {
        "VariantName": "AllTraffic",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "ManagedInstanceScaling": scaling,
        "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
    }
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[variant],
        ExecutionRoleArn=role,
        MetricsConfig={"EnableEnhancedMetrics": True, "MetricPublishFrequencyInSeconds": 10},
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=PATIENCE)
    yield name
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=PATIENCE)


@pytest.fixture(scope="module")
def line(scripted: Callable[..., dict[str, Any]]) -> Callable[[float], dict[str, Any]]:
    """The specification of a line with this slope."""
    found = scripted(LINE)

    def specification(slope: float) -> dict[str, Any]:
        container = {
            "Image": found["Image"],
            "ArtifactUrl": found["ModelDataUrl"],
            "Environment": {"SLOPE": str(slope), "SAGEMAKER_PROGRAM": "inference.py"},
        }
        needs = {"NumberOfCpuCoresRequired": 1, "MinMemoryRequiredInMb": 1024, "MaxMemoryRequiredInMb": 2048}
        return {"Container": container, "ComputeResourceRequirements": needs}

    return specification


@pytest.fixture(scope="module")
def components(
    sagemaker: Any,
    endpoint: str,
    line: Callable[..., dict[str, Any]],
    container: dict[str, Any],
    role: str,
    unique: Unique,
    eventually: Eventually,
) -> Iterator[tuple[str, str]]:
    """Two on the endpoint: prices, by the name of a model, and a line, by its container."""
    prices, doubled = unique("prices"), unique("line")
    sagemaker.create_model(ModelName=prices, PrimaryContainer=container, ExecutionRoleArn=role)
    needs = {"NumberOfCpuCoresRequired": 1, "MinMemoryRequiredInMb": 1024}
    of_model = {"ModelName": prices, "ComputeResourceRequirements": needs}
    for name, specification in ((prices, of_model), (doubled, line(2))):
        sagemaker.create_inference_component(
            InferenceComponentName=name,
            EndpointName=endpoint,
            VariantName="AllTraffic",
            Specification=specification,
            RuntimeConfig={"CopyCount": 1},
        )
    sagemaker.delete_model(ModelName=prices)  # the component holds what it needs of it
    for name in (prices, doubled):
        in_service(sagemaker, name, eventually)
    yield prices, doubled
    for name in (prices, doubled):
        sagemaker.delete_inference_component(InferenceComponentName=name)
    for name in (prices, doubled):
        eventually(lambda name=name: is_gone(sagemaker, name))


def in_service(sagemaker: Any, name: str, eventually: Eventually, copies: int | None = None) -> Mapping[str, Any]:
    """What is said of a component when it is in service, with so many copies."""

    def told() -> Mapping[str, Any] | None:
        found: Mapping[str, Any] = sagemaker.describe_inference_component(InferenceComponentName=name)
        assert found["InferenceComponentStatus"] != "Failed", found["FailureReason"]
        there = copies is None or found["RuntimeConfig"]["CurrentCopyCount"] == copies
        return found if found["InferenceComponentStatus"] == "InService" and there else None

    found: Mapping[str, Any] = eventually(told)
    return found


def is_gone(sagemaker: Any, name: str) -> bool:
    try:
        sagemaker.describe_inference_component(InferenceComponentName=name)
    except sagemaker.exceptions.ClientError as error:
        return "Could not find inference component" in str(error)
    return False


def asked(runtime: Any, endpoint: str, component: str, rows: Any) -> Any:
    answer = runtime.invoke_endpoint(
        EndpointName=endpoint,
        InferenceComponentName=component,
        ContentType="application/json",
        Body=json.dumps(rows),
    )
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    return json.loads(answer["Body"].read())


def instances(sagemaker: Any, endpoint: str) -> int:
    (variant,) = sagemaker.describe_endpoint(EndpointName=endpoint)["ProductionVariants"]
    count: int = variant["CurrentInstanceCount"]
    return count


def test_each_component_answers_with_its_own_model(
    runtime: Any, endpoint: str, components: tuple[str, str], rows: list[list[float]]
) -> None:
    prices, doubled = components
    assert asked(runtime, endpoint, doubled, [[1.0], [3.0]]) == [2.0, 6.0]
    assert all(5 < price < 50 for price in asked(runtime, endpoint, prices, rows))


def test_an_answer_may_come_in_pieces(runtime: Any, endpoint: str, components: tuple[str, str]) -> None:
    answer = runtime.invoke_endpoint_with_response_stream(
        EndpointName=endpoint,
        InferenceComponentName=components[1],
        ContentType="application/json",
        Body=json.dumps([[1.0]]),
    )
    pieces = [event["PayloadPart"]["Bytes"] for event in answer["Body"]]
    assert json.loads(b"".join(pieces)) == [2.0]


def test_a_component_tells_what_it_is(sagemaker: Any, endpoint: str, components: tuple[str, str]) -> None:
    prices, doubled = components
    told = sagemaker.describe_inference_component(InferenceComponentName=doubled)
    assert (told["EndpointName"], told["VariantName"]) == (endpoint, "AllTraffic")
    assert told["RuntimeConfig"] == {"DesiredCopyCount": 1, "CurrentCopyCount": 1}
    image = told["Specification"]["Container"]["DeployedImage"]
    assert image["SpecifiedImage"] == image["ResolvedImage"]
    of_model = sagemaker.describe_inference_component(InferenceComponentName=prices)["Specification"]
    assert of_model["ModelName"] == prices
    listed = sagemaker.list_inference_components(EndpointNameEquals=endpoint, StatusEquals="InService")
    assert {each["InferenceComponentName"] for each in listed["InferenceComponents"]} == {prices, doubled}
    assert not sagemaker.list_inference_components(VariantNameEquals="other")["InferenceComponents"]


def test_the_endpoint_tells_its_instances(sagemaker: Any, endpoint: str, components: tuple[str, str]) -> None:
    (variant,) = sagemaker.describe_endpoint(EndpointName=endpoint)["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 1)
    assert variant["ManagedInstanceScaling"]["MaxInstanceCount"] == 2
    assert variant["RoutingConfig"] == {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}
    assert "DeployedImages" not in variant


def test_what_a_component_prints_is_in_its_log(components: tuple[str, str], eventually: Eventually) -> None:
    logs = boto3.client("logs")

    def told() -> bool:
        try:
            events = logs.filter_log_events(logGroupName=LOG_GROUP + components[1])["events"]
        except logs.exceptions.ResourceNotFoundException:
            return False
        return any("the slope 2.0" in event["message"] for event in events)

    eventually(told)


def test_a_component_has_metrics_of_its_own(
    runtime: Any, endpoint: str, components: tuple[str, str], eventually: Eventually
) -> None:
    asked(runtime, endpoint, components[1], [[1.0]])
    cloudwatch, now = boto3.client("cloudwatch"), datetime.now(UTC)

    def told(name: str) -> Any:
        return cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=name,
            Dimensions=[{"Name": "InferenceComponentName", "Value": components[1]}],
            StartTime=now - timedelta(minutes=30),
            EndTime=now + timedelta(minutes=30),
            Period=3600,
            Statistics=["Sum", "Maximum"],
        )["Datapoints"]

    for name in ("Invocations", "InvocationsPerCopy", "ModelLatency"):
        (found,) = eventually(lambda name=name: told(name))
        assert found["Sum"] >= 1
    (concurrency,) = told("ConcurrentRequestsPerCopy")
    assert concurrency["Maximum"] == 1


def test_a_models_own_error_leads_to_the_components_log(
    runtime: Any, endpoint: str, components: tuple[str, str]
) -> None:
    with pytest.raises(runtime.exceptions.ModelError) as caught:
        asked(runtime, endpoint, components[1], "no numbers")
    assert f"{LOG_GROUP}{components[1]}:log-stream:AllTraffic/" in caught.value.response["LogStreamArn"]


@pytest.mark.parametrize(
    ("component", "words"),
    [
        (None, "Inference Component Name header is required for endpoints"),
        ("nobody", "Inference Component nobody not found"),
    ],
)
def test_a_request_must_name_a_component_of_the_endpoint(
    runtime: Any, endpoint: str, components: tuple[str, str], component: str | None, words: str
) -> None:
    named = {} if component is None else {"InferenceComponentName": component}
    code, message = refusal(runtime.invoke_endpoint, EndpointName=endpoint, Body=b"[]", **named)
    assert code == "ValidationError"
    assert words in message


def test_an_endpoint_with_components_is_not_deleted(sagemaker: Any, endpoint: str, components: tuple[str, str]) -> None:
    code, message = refusal(sagemaker.delete_endpoint, EndpointName=endpoint)
    assert code == "ValidationException"
    assert "while it hosts inference components" in message


def test_a_new_specification_takes_over_without_a_failed_request(
    sagemaker: Any,
    runtime: Any,
    endpoint: str,
    components: tuple[str, str],
    line: Callable[..., dict[str, Any]],
    eventually: Eventually,
) -> None:
    doubled = components[1]
    answers: list[Any] = []
    over = threading.Event()

    def keep_asking() -> None:
        while not over.is_set():
            answers.extend(asked(runtime, endpoint, doubled, [[1.0]]))

    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        sagemaker.update_inference_component(
            InferenceComponentName=doubled,
            Specification=line(3),
            DeploymentConfig={
                "RollingUpdatePolicy": {
                    "MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1},
                    "WaitIntervalInSeconds": 0,
                }
            },
        )
        told = in_service(sagemaker, doubled, eventually)
        answers.clear()
        eventually(lambda: answers)
    finally:
        over.set()
        asking.join()
    assert set(answers) == {3.0}
    assert told["LastDeploymentConfig"]["RollingUpdatePolicy"]["MaximumBatchSize"]["Value"] == 1


def test_an_update_of_the_endpoint_keeps_its_components(
    sagemaker: Any, runtime: Any, endpoint: str, components: tuple[str, str], role: str, unique: Unique
) -> None:
    told = sagemaker.describe_inference_component(InferenceComponentName=components[1])
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint)
    variants = [{**each, "RoutingConfig": {"RoutingStrategy": "RANDOM"}} for each in config["ProductionVariants"]]
    name = unique("config")
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, ExecutionRoleArn=role)
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=name)
    assert asked(runtime, endpoint, components[1], [[1.0]]) == [3.0]
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=endpoint, WaiterConfig=PATIENCE)
    assert sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"] == name
    assert asked(runtime, endpoint, components[1], [[1.0]]) == [3.0]
    after = sagemaker.describe_inference_component(InferenceComponentName=components[1])
    assert after["LastModifiedTime"] == told["LastModifiedTime"]


def test_copies_come_and_go_and_the_instances_with_them(
    sagemaker: Any, runtime: Any, endpoint: str, components: tuple[str, str], eventually: Eventually
) -> None:
    doubled = components[1]

    def scale(copies: int) -> None:
        wanted = {"CopyCount": copies}
        sagemaker.update_inference_component_runtime_config(InferenceComponentName=doubled, DesiredRuntimeConfig=wanted)
        in_service(sagemaker, doubled, eventually, copies)

    scale(2)  # the first instance has no third CPU core
    assert instances(sagemaker, endpoint) == 2
    assert asked(runtime, endpoint, doubled, [[1.0]]) == [3.0]
    scale(0)
    code, message = refusal(
        runtime.invoke_endpoint, EndpointName=endpoint, InferenceComponentName=doubled, Body=b"[[1]]"
    )
    assert (code, message.partition(".")[0]) == (
        "ValidationError",
        "Inference Component has no capacity to process this request",
    )
    eventually(lambda: instances(sagemaker, endpoint) == 1)
    scale(1)
    assert asked(runtime, endpoint, doubled, [[1.0]]) == [3.0]


def test_what_has_no_room_says_so_and_what_never_can_fails(
    sagemaker: Any,
    endpoint: str,
    components: tuple[str, str],
    line: Callable[..., dict[str, Any]],
    unique: Unique,
    eventually: Eventually,
) -> None:
    waiting, huge = unique("waiting"), unique("huge")
    for name, copies, cores in ((waiting, 4, 2), (huge, 1, 64)):
        specification = line(1)
        specification["ComputeResourceRequirements"]["NumberOfCpuCoresRequired"] = cores
        sagemaker.create_inference_component(
            InferenceComponentName=name,
            EndpointName=endpoint,
            Specification=specification,
            RuntimeConfig={"CopyCount": copies},
        )

    def told(name: str, state: str) -> bool:
        found = sagemaker.describe_inference_component(InferenceComponentName=name)
        return (found["InferenceComponentStatus"], "not enough hardware" in found.get("FailureReason", "")) == (
            state,
            True,
        )

    eventually(lambda: told(huge, "Failed"))
    eventually(lambda: told(waiting, "Creating"))
    for name in (waiting, huge):
        sagemaker.delete_inference_component(InferenceComponentName=name)
    for name in (waiting, huge):
        eventually(lambda name=name: is_gone(sagemaker, name))


def test_what_does_not_go_together_is_refused(sagemaker: Any, role: str, unique: Unique) -> None:
    variant = {"VariantName": "v", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    name = unique("config")
    code, message = refusal(sagemaker.create_endpoint_config, EndpointConfigName=name, ProductionVariants=[variant])
    assert (code, "ExecutionRoleArn is required" in message) == ("ValidationException", True)
    policy = {"Status": "ENABLED", "MaxInstanceCount": 1, "ScaleInPolicy": {"Strategy": "CONSOLIDATION"}}
    code, message = refusal(
        sagemaker.create_endpoint_config,
        EndpointConfigName=name,
        ProductionVariants=[{**variant, "ManagedInstanceScaling": policy}],
        ExecutionRoleArn=role,
    )
    assert (code, "CONSOLIDATION" in message) == ("ValidationException", True)
