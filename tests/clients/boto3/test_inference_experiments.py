"""Inference experiments through boto3: an endpoint gets a shadow for a while, and then its model, or keeps its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from .refusals import refusal

PATIENCE = {"Delay": 1, "MaxAttempts": 120}
Unique = Callable[[str], str]
Wait = Callable[..., Any]
Begin = Callable[..., str]

NAMED = """
def model_fn(model_dir):
    return {name!r}

def transform_fn(model, data, content_type, accept):
    print(model, "was asked", flush=True)
    return model, "text/plain"
"""


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


@pytest.fixture(scope="module")
def models(sagemaker: Any, scripted: Callable[[str], dict[str, Any]], role: str, unique: Unique) -> dict[str, str]:
    """Models that say their names."""
    made = {}
    for name in ("champion", "challenger"):
        made[name] = unique(name)
        container = scripted(NAMED.format(name=name))
        sagemaker.create_model(ModelName=made[name], PrimaryContainer=container, ExecutionRoleArn=role)
    return made


@pytest.fixture(scope="module")
def endpoint(sagemaker: Any, models: dict[str, str], unique: Unique) -> Iterator[str]:
    name = unique("experiment")
    variant = {
        "VariantName": "Production",
        "ModelName": models["champion"],
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=PATIENCE)
    yield name
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=PATIENCE)


@pytest.fixture(scope="module")
def begin(sagemaker: Any, endpoint: str, models: dict[str, str], role: str, unique: Unique) -> Begin:
    """Creates an experiment of the challenger against the champion; its name."""

    def variant(name: str, model: str) -> dict[str, Any]:
        place = {"InstanceType": "ml.m5.large", "InstanceCount": 1}
        infrastructure = {"InfrastructureType": "RealTimeInference", "RealTimeInferenceConfig": place}
        return {"VariantName": name, "ModelName": models[model], "InfrastructureConfig": infrastructure}

    def begin(**more: Any) -> str:
        name = unique("trial")
        sagemaker.create_inference_experiment(
            Name=name,
            Type="ShadowMode",
            RoleArn=role,
            EndpointName=endpoint,
            ModelVariants=[variant("Production", "champion"), variant("Shadow", "challenger")],
            ShadowModeConfig={
                "SourceModelVariantName": "Production",
                "ShadowModelVariants": [{"ShadowModelVariantName": "Shadow", "SamplingPercentage": 100}],
            },
            **more,
        )
        return name

    return begin


@pytest.fixture(scope="module")
def until(sagemaker: Any, eventually: Wait) -> Callable[..., dict[str, Any]]:
    """What Describe says of an experiment once it has this status."""

    def until(name: str, *states: str) -> dict[str, Any]:
        def told() -> dict[str, Any] | None:
            found: dict[str, Any] = sagemaker.describe_inference_experiment(Name=name)
            return found if found["Status"] in states else None

        found: dict[str, Any] = eventually(told)
        return found

    return until


def statuses(told: dict[str, Any]) -> dict[str, str]:
    return {each["VariantName"]: each["Status"] for each in told["ModelVariants"]}


def who(endpoint: str) -> tuple[str, str]:
    """Variant and model that answer now."""
    answer = boto3.client("sagemaker-runtime").invoke_endpoint(EndpointName=endpoint, Body=b"x", ContentType="text/csv")
    return answer["InvokedProductionVariant"], answer["Body"].read().decode()


def test_a_shadow_runs_and_is_promoted(
    sagemaker: Any, endpoint: str, begin: Begin, until: Callable[..., dict[str, Any]], eventually: Wait
) -> None:
    name = begin(Schedule={"StartTime": datetime.now(UTC) + timedelta(hours=1)})
    told = until(name, "Created")
    assert statuses(told) == {"Production": "InService", "Shadow": "Creating"}
    assert "ShadowProductionVariants" not in sagemaker.describe_endpoint(EndpointName=endpoint)
    code, _ = refusal(begin)
    assert code == "ResourceInUse"
    sagemaker.start_inference_experiment(Name=name)
    told = until(name, "Running")
    assert statuses(told) == {"Production": "InService", "Shadow": "InService"}
    serves = sagemaker.describe_endpoint(EndpointName=endpoint)
    assert told["EndpointMetadata"] == {
        "EndpointName": endpoint,
        "EndpointConfigName": serves["EndpointConfigName"],
        "EndpointStatus": "InService",
    }
    assert [each["VariantName"] for each in serves["ShadowProductionVariants"]] == ["Shadow"]
    config = sagemaker.describe_endpoint_config(EndpointConfigName=serves["EndpointConfigName"])
    assert [each["VariantName"] for each in config["ShadowProductionVariants"]] == ["Shadow"]
    assert who(endpoint) == ("Production", "champion")
    logs = boto3.client("logs")
    where = {"logGroupName": f"/aws/sagemaker/Endpoints/{endpoint}", "logStreamNamePrefix": "Shadow/"}
    eventually(lambda: "challenger was asked" in str(logs.filter_log_events(**where)["events"]))

    assert refusal(sagemaker.delete_inference_experiment, Name=name)[0] == "ConflictException"
    sagemaker.stop_inference_experiment(
        Name=name,
        ModelVariantActions={"Production": "Remove", "Shadow": "Promote"},
        DesiredState="Completed",
        Reason="The challenger is better.",
    )
    told = until(name, "Completed")
    assert (told["StatusReason"], statuses(told)) == (
        "The challenger is better.",
        {"Production": "Deleted", "Shadow": "InService"},
    )
    assert told["CompletionTime"] >= told["Schedule"]["StartTime"]
    assert who(endpoint) == ("Shadow", "challenger")
    assert "ShadowProductionVariants" not in sagemaker.describe_endpoint(EndpointName=endpoint)
    sagemaker.delete_inference_experiment(Name=name)
    assert refusal(sagemaker.describe_inference_experiment, Name=name)[0] == "ResourceNotFound"


def test_an_experiment_ends_by_itself(
    sagemaker: Any, endpoint: str, models: dict[str, str], begin: Begin, until: Callable[..., dict[str, Any]]
) -> None:
    first = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint)["EndpointConfigName"]
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=first)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=endpoint, WaiterConfig=PATIENCE)
    name = begin()
    told = until(name, "Running")
    assert told["Schedule"]["EndTime"] - told["Schedule"]["StartTime"] > timedelta(days=6.9)
    end = datetime.now(UTC) + timedelta(seconds=2)
    sagemaker.update_inference_experiment(Name=name, Schedule={"EndTime": end})
    told = until(name, "Completed")
    assert statuses(told) == {"Production": "InService", "Shadow": "Deleted"}
    serves = sagemaker.describe_endpoint(EndpointName=endpoint)
    assert serves["EndpointStatus"] == "InService"
    assert "ShadowProductionVariants" not in serves
    assert who(endpoint) == ("Production", "champion")
