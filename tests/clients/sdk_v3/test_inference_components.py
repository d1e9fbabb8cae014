"""Inference components with the SDK v3's resource classes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sagemaker.core.resources import Endpoint, EndpointConfig, InferenceComponent
from sagemaker.core.shapes import (
    InferenceComponentComputeResourceRequirements,
    InferenceComponentContainerSpecification,
    InferenceComponentRuntimeConfig,
    InferenceComponentSpecification,
    ProductionVariant,
)

Unique = Callable[[str], str]


@pytest.fixture(scope="module")
def endpoint(role: str, unique: Unique) -> Iterator[Endpoint]:
    variant = ProductionVariant(variant_name="AllTraffic", initial_instance_count=1, instance_type="ml.m5.large")
    config = EndpointConfig.create(
        endpoint_config_name=unique("v3-shared"), production_variants=[variant], execution_role_arn=role
    )
    made = Endpoint.create(endpoint_name=unique("v3-shared"), endpoint_config_name=config.endpoint_config_name)
    made.wait_for_status("InService", poll=1, timeout=300)
    yield made
    made.delete()
    made.wait_for_delete(poll=1, timeout=300)
    config.delete()


def test_a_component_lives_on_an_endpoint(
    endpoint: Endpoint, container: dict[str, Any], rows: list[list[float]], unique: Unique
) -> None:
    specification = InferenceComponentSpecification(
        container=InferenceComponentContainerSpecification(
            image=container["Image"],
            artifact_url=container["ModelDataUrl"],
            environment=container["Environment"],
        ),
        compute_resource_requirements=InferenceComponentComputeResourceRequirements(
            number_of_cpu_cores_required=1, min_memory_required_in_mb=512
        ),
    )
    component = InferenceComponent.create(
        inference_component_name=unique("v3-component"),
        endpoint_name=endpoint.endpoint_name,
        variant_name="AllTraffic",
        specification=specification,
        runtime_config=InferenceComponentRuntimeConfig(copy_count=1),
    )
    component.wait_for_status("InService", poll=1, timeout=300)
    name = component.inference_component_name
    answer = endpoint.invoke(body=json.dumps(rows), content_type="application/json", inference_component_name=name)
    assert len(json.loads(answer.body.read())) == 3
    found = InferenceComponent.get_all(endpoint_name_equals=endpoint.endpoint_name)
    assert [each.inference_component_name for each in found] == [name]

    component.update_runtime_configs(desired_runtime_config=InferenceComponentRuntimeConfig(copy_count=2))
    component.wait_for_status("InService", poll=1, timeout=300)
    assert component.runtime_config.current_copy_count == 2
    component.delete()
    component.wait_for_delete(poll=1, timeout=300)
