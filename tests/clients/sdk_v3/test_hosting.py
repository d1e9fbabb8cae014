"""The SDK v3's resource classes for hosting, and ModelBuilder on top of them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from sagemaker.core.resources import Endpoint, EndpointConfig, Model
from sagemaker.core.shapes import ContainerDefinition, ProductionVariant, Tag

ROOT = Path(__file__).parents[3]
Unique = Callable[[str], str]


@pytest.fixture(scope="module")
def model(container: dict[str, Any], role: str, unique: Unique) -> Iterator[Model]:
    primary = ContainerDefinition(
        image=container["Image"],
        model_data_url=container["ModelDataUrl"],
        environment=container["Environment"],
    )
    made = Model.create(
        model_name=unique("v3-model"),
        primary_container=primary,
        execution_role_arn=role,
        tags=[Tag(key="team", value="red")],
    )
    yield made
    made.delete()


@pytest.fixture(scope="module")
def config(model: Model, unique: Unique) -> Iterator[EndpointConfig]:
    variant = ProductionVariant(
        variant_name="AllTraffic",
        model_name=model.model_name,
        initial_instance_count=1,
        instance_type="ml.m5.large",
        initial_variant_weight=1.0,
    )
    made = EndpointConfig.create(endpoint_config_name=unique("v3-config"), production_variants=[variant])
    yield made
    made.delete()


@pytest.fixture(scope="module")
def endpoint(config: EndpointConfig, unique: Unique) -> Iterator[Endpoint]:
    made = Endpoint.create(endpoint_name=unique("v3-endpoint"), endpoint_config_name=config.endpoint_config_name)
    made.wait_for_status("InService", poll=1, timeout=300)
    yield made
    made.delete()
    made.wait_for_delete(poll=1, timeout=300)


def test_the_resources_say_what_they_are(model: Model, endpoint: Endpoint, config: EndpointConfig) -> None:
    assert Model.get(model.model_name).model_arn == model.model_arn
    assert Endpoint.get(endpoint.endpoint_name).endpoint_config_name == config.endpoint_config_name
    assert endpoint.production_variants[0].current_instance_count == 1
    assert [found.endpoint_name for found in Endpoint.get_all(status_equals="InService")] == [endpoint.endpoint_name]


def test_the_endpoint_predicts(endpoint: Endpoint, rows: list[list[float]]) -> None:
    answer = endpoint.invoke(body=json.dumps(rows), content_type="application/json", accept="application/json")
    assert len(json.loads(answer.body.read())) == 3
    assert answer.invoked_production_variant == "AllTraffic"


def test_what_is_not_there_is_an_error() -> None:
    with pytest.raises(ClientError, match="Could not find model"):
        Model.get("nobody")


def test_a_model_builder_deploys_a_trained_model(
    container: dict[str, Any], role: str, rows: list[list[float]], unique: Unique
) -> None:
    from sagemaker.serve.model_builder import ModelBuilder

    builder = ModelBuilder(
        image_uri=container["Image"],
        s3_model_data_url=container["ModelDataUrl"],
        role_arn=role,
        env_vars=container["Environment"],
    )
    builder.build(model_name=unique("v3-built"))
    endpoint = builder.deploy(endpoint_name=unique("v3-built"), instance_type="ml.m5.large", wait=False)
    waiter = boto3.client("sagemaker").get_waiter("endpoint_in_service")
    waiter.wait(EndpointName=endpoint.endpoint_name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    answer = endpoint.invoke(body=json.dumps(rows), content_type="application/json")
    assert len(json.loads(answer.body.read())) == 3
    endpoint.delete()
