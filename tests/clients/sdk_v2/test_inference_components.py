"""Inference components with the SDK v2: two models on one endpoint, each with resources of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sagemaker.compute_resource_requirements.resource_requirements import ResourceRequirements
from sagemaker.deserializers import JSONDeserializer
from sagemaker.enums import EndpointType, RoutingStrategy
from sagemaker.predictor import Predictor
from sagemaker.serializers import JSONSerializer
from sagemaker.sklearn import SKLearnModel

LINE = """
from sklearn.linear_model import LinearRegression

def model_fn(model_dir):
    return LinearRegression().fit([[0.0], [1.0]], [0.0, SLOPE])

def predict_fn(rows, model):
    return [round(float(value), 3) for value in model.predict(rows)]
"""


@pytest.fixture
def line(session: Any, role: str, container: dict[str, Any], tmp_path: Path) -> Callable[[int], SKLearnModel]:
    """A model whose script makes a line with this slope."""

    def made(slope: int) -> SKLearnModel:
        script = tmp_path / f"line_{slope}.py"
        script.write_text(LINE.replace("SLOPE", str(slope)))
        return SKLearnModel(
            container["ModelDataUrl"],
            role,
            str(script),
            framework_version="1.2-1",
            sagemaker_session=session,
            predictor_cls=lambda *args, **options: Predictor(
                *args, serializer=JSONSerializer(), deserializer=JSONDeserializer(), **options
            ),
        )

    return made


def test_two_models_share_an_endpoint_and_change_apart(
    session: Any, line: Callable[[int], SKLearnModel], hurried: None, unique: Callable[[str], str]
) -> None:
    def needing(cpus: float, copies: int = 1) -> ResourceRequirements:
        requests = {"num_cpus": cpus, "memory": 512, "copies": copies}
        return ResourceRequirements(requests=requests, limits={"memory": 2048})

    endpoint = unique("v2-shared")
    options = {
        "endpoint_name": endpoint,
        "endpoint_type": EndpointType.INFERENCE_COMPONENT_BASED,
        "resources": needing(0.5),
        "managed_instance_scaling": {"MinInstanceCount": 1, "MaxInstanceCount": 2},
        "routing_config": {"RoutingStrategy": RoutingStrategy.LEAST_OUTSTANDING_REQUESTS},
    }
    double, triple = (line(slope).deploy(1, "ml.m5.large", **options) for slope in (2, 3))
    assert (double.predict([[1.0]]), triple.predict([[1.0]])) == ([2.0], [3.0])
    assert double.component_name != triple.component_name
    components = session.list_and_paginate_inference_component_names_associated_with_endpoint(endpoint)
    assert components == sorted([double.component_name, triple.component_name])

    double.update_predictor(resources=needing(0.5, copies=2))
    told = session.describe_inference_component(double.component_name)
    assert (told["InferenceComponentStatus"], told["RuntimeConfig"]["CurrentCopyCount"]) == ("InService", 2)
    assert double.predict([[2.0]]) == [4.0]

    for predictor in (double, triple):
        predictor.delete_predictor(wait=True)
    double.delete_endpoint()
    waiter = session.sagemaker_client.get_waiter("endpoint_deleted")
    waiter.wait(EndpointName=endpoint, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
