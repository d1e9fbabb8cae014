"""Endpoints are updated under load: canaries, alarms, batches, weights, capacities. No request of all these fails."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.config import Config

from ..conftest import Door
from .refusals import refusal

PATIENCE = {"Delay": 1, "MaxAttempts": 120}
USERS = 6
ONCE = Config(retries={"total_max_attempts": 1}, max_pool_connections=USERS + 1)
Unique = Callable[[str], str]
Wait = Callable[..., Any]
Made = Callable[..., str]

# A model that says which one it is, and takes as long for it as it is asked to.
NAMED = """
import socket, time

def model_fn(model_dir):
    return {name!r}

def transform_fn(model, data, content_type, accept):
    asked = float(data if isinstance(data, str) else data.decode())
    if asked > 1000:  # the port of a door
        socket.create_connection(("127.0.0.1", int(asked))).recv(1)
    else:
        time.sleep(asked)
    return model, "text/plain"
"""


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


class Load:
    """A few users who ask again and again, and never twice for the same."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.failures: list[str] = []
        self.answers: Counter[str] = Counter()
        self._runtime = boto3.client("sagemaker-runtime", config=ONCE)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(USERS)]

    def ask(self, seconds: float = 0.1) -> str:
        """Who answers; as many requests as users are on their way whenever an instance is told to end.

        What takes long costs little: sixty quick ones a second would take half of a processor.
        """
        body = str(seconds).encode()
        answer = self._runtime.invoke_endpoint(EndpointName=self.endpoint, Body=body, ContentType="text/csv")
        return str(answer["Body"].read().decode())

    def _ask(self) -> None:
        while not self._over.is_set():
            answers = self.answers
            try:
                answers[self.ask()] += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what the test is about
                self.failures.append(repr(error))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def fresh(self) -> Counter[str]:
        """Who answers what is asked from now on."""
        self.answers = Counter()
        return self.answers


@pytest.fixture(scope="module")
def configured(sagemaker: Any, scripted: Callable[[str], dict[str, Any]], role: str, unique: Unique) -> Made:
    """Makes an endpoint configuration of variants, each a model that says its own name."""
    models: dict[str, str] = {}

    def model(name: str) -> str:
        if name not in models:
            models[name] = unique(f"model-{name}")
            container = scripted(NAMED.format(name=name) if name != "broken" else "raise RuntimeError('no')")
            sagemaker.create_model(ModelName=models[name], PrimaryContainer=container, ExecutionRoleArn=role)
        return models[name]

    def config(*names: str, count: int = 1, **more: Any) -> str:
        variants = [
            {
                "VariantName": name if len(names) > 1 else "AllTraffic",
                "ModelName": model(name),
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": count,
            }
            for name in names
        ]
        made = unique("config")
        sagemaker.create_endpoint_config(EndpointConfigName=made, ProductionVariants=variants, **more)
        return made

    return config


@pytest.fixture(scope="module")
def alarm(unique: Unique) -> Made:
    """Makes an alarm on a metric that nobody writes."""
    cloudwatch = boto3.client("cloudwatch")

    def made(state: str) -> str:
        name = unique("alarm")
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="Tests",
            MetricName="Errors",
            Statistic="Sum",
            Period=3600,
            EvaluationPeriods=24,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="ignore",
        )
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")
        return name

    return made


@pytest.fixture(scope="module")
def endpoint(sagemaker: Any, configured: Made, unique: Unique) -> Iterator[str]:
    name = unique("endpoint")
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=configured("one"))
    in_service(sagemaker, name)
    yield name
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=PATIENCE)


@pytest.fixture(scope="module")
def load(endpoint: str) -> Iterator[Load]:
    load = Load(endpoint)
    load.start()
    yield load
    load.end()


@pytest.fixture(autouse=True)
def nothing_fails(load: Load) -> Iterator[None]:
    yield
    assert load.failures == []


def in_service(sagemaker: Any, name: str) -> dict[str, Any]:
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=PATIENCE)
    told: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=name)
    assert "PendingDeploymentSummary" not in told
    return told


def status(told: dict[str, Any]) -> str:
    """Of the variant that is coming."""
    variants = told.get("PendingDeploymentSummary", {}).get("ProductionVariants", [{}])
    return str(variants[0].get("VariantStatus", [{}])[0].get("Status"))


def canary(wait: int, *alarms: str, termination: int = 0) -> dict[str, Any]:
    size = {"Type": "CAPACITY_PERCENT", "Value": 50}
    routing = {"Type": "CANARY", "WaitIntervalInSeconds": wait, "CanarySize": size}
    return {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": termination},
        **({"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]}} if alarms else {}),
    }


def test_a_canary_takes_its_share_and_then_all(
    sagemaker: Any,
    endpoint: str,
    load: Load,
    configured: Made,
    alarm: Made,
    eventually: Wait,
) -> None:
    deployment, config = canary(2, alarm("OK")), configured("two")
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, DeploymentConfig=deployment)
    eventually(lambda: status(sagemaker.describe_endpoint(EndpointName=endpoint)) == "Baking")
    answers = load.fresh()
    eventually(lambda: answers["one"] > 0 and answers["two"] > 0)
    told = sagemaker.describe_endpoint(EndpointName=endpoint)
    assert told["PendingDeploymentSummary"]["EndpointConfigName"] == config != told["EndpointConfigName"]
    told = in_service(sagemaker, endpoint)
    assert (told["EndpointConfigName"], told["LastDeploymentConfig"]) == (config, deployment)
    answers = load.fresh()
    eventually(lambda: answers["two"] > 20)
    assert set(answers) == {"two"}


def test_an_alarm_turns_everything_back(
    sagemaker: Any,
    endpoint: str,
    load: Load,
    configured: Made,
    alarm: Made,
    eventually: Wait,
) -> None:
    watched = alarm("OK")
    before = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    sagemaker.update_endpoint(
        EndpointName=endpoint, EndpointConfigName=configured("one"), DeploymentConfig=canary(600, watched)
    )
    code, message = refusal(sagemaker.update_endpoint, EndpointName=endpoint, EndpointConfigName=before)
    assert (code, message.split('"')[0]) == ("ValidationException", "Cannot update in-progress endpoint ")
    eventually(lambda: status(sagemaker.describe_endpoint(EndpointName=endpoint)) == "Baking")
    boto3.client("cloudwatch").set_alarm_state(AlarmName=watched, StateValue="ALARM", StateReason="test")
    told = in_service(sagemaker, endpoint)
    assert told["EndpointConfigName"] == before
    assert watched in told["FailureReason"]
    answers = load.fresh()
    eventually(lambda: answers["two"] > 20)
    assert set(answers) == {"two"}


def test_a_model_that_does_not_load_changes_nothing(sagemaker: Any, endpoint: str, configured: Made) -> None:
    sagemaker.update_endpoint(
        EndpointName=endpoint, EndpointConfigName=configured("broken"), RetainDeploymentConfig=False
    )
    told = in_service(sagemaker, endpoint)
    assert "did not pass the ping health check" in told["FailureReason"]
    assert "LastDeploymentConfig" not in told


def test_capacity_comes_and_goes(sagemaker: Any, endpoint: str, load: Load, eventually: Wait) -> None:
    for count in (2, 1, 2):
        wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": count}]
        sagemaker.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=wanted)
        (variant,) = in_service(sagemaker, endpoint)["ProductionVariants"]
        assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (count, count)
        answers = load.fresh()
        eventually(lambda answers=answers: answers["two"] > 20)


def test_a_rolling_update_keeps_capacity(
    sagemaker: Any, endpoint: str, load: Load, configured: Made, eventually: Wait
) -> None:
    rolling = {
        "RollingUpdatePolicy": {
            "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
            "WaitIntervalInSeconds": 1,
        }
    }
    config = configured("three")
    sagemaker.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=config,
        RetainAllVariantProperties=True,
        DeploymentConfig=rolling,
    )
    eventually(lambda: status(sagemaker.describe_endpoint(EndpointName=endpoint)) == "Baking")
    answers = load.fresh()
    eventually(lambda: answers["two"] > 0 and answers["three"] > 0)
    (variant,) = in_service(sagemaker, endpoint)["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 2
    answers = load.fresh()
    eventually(lambda: answers["three"] > 20)
    assert set(answers) == {"three"}


def test_weights_shift(
    sagemaker: Any, endpoint: str, load: Load, configured: Made, eventually: Wait, door: Door
) -> None:
    config = configured("one", "two")
    with ThreadPoolExecutor() as pool:
        long = pool.submit(load.ask, door.port)
        door.wait_for(1)
        sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        in_service(sagemaker, endpoint)
        assert not long.done(), "it is at an instance that is to end"
        door.let_go()
        assert long.result() == "three"
    for name, other in (("one", "two"), ("two", "one")):
        wanted = [{"VariantName": name, "DesiredWeight": 1}, {"VariantName": other, "DesiredWeight": 0}]
        sagemaker.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=wanted)
        told = in_service(sagemaker, endpoint)
        assert {each["VariantName"]: each["CurrentWeight"] for each in told["ProductionVariants"]} == {
            name: 1,
            other: 0,
        }
        answers = load.fresh()
        eventually(lambda answers=answers, name=name: answers[name] > 20)
        assert set(answers) == {name}


def test_what_cannot_be_is_refused_and_changes_nothing(sagemaker: Any, endpoint: str, configured: Made) -> None:
    config = configured("one")
    ask = {"EndpointName": endpoint, "EndpointConfigName": config}
    code, message = refusal(sagemaker.update_endpoint, **ask, DeploymentConfig=canary(0, "nobody"))
    assert (code, message) == (
        "ValidationException",
        "The CloudWatch alarm nobody of AutoRollbackConfiguration does not exist.",
    )
    rolling = {"MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 51}, "WaitIntervalInSeconds": 0}
    code, message = refusal(sagemaker.update_endpoint, **ask, DeploymentConfig={"RollingUpdatePolicy": rolling})
    assert (code, message.split(" must")[0]) == ("ValidationException", "MaximumBatchSize")
    assert sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService"
