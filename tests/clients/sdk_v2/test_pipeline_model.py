"""An inference pipeline with the SDK v2: rows of text become numbers, numbers prices, and prices dollars."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sagemaker.deserializers import JSONDeserializer
from sagemaker.pipeline import PipelineModel
from sagemaker.serializers import CSVSerializer
from sagemaker.sklearn import SKLearn, SKLearnModel

ROOT = Path(__file__).parents[3]

BEFORE = """
import json

def model_fn(model_dir):
    return None

def input_fn(data, content_type):
    return [[float(cell) for cell in line.split(",")] for line in data.splitlines()]

def predict_fn(rows, model):
    return rows

def output_fn(rows, accept):
    return json.dumps(rows), "application/json"
"""

AFTER = """
import json

def model_fn(model_dir):
    return None

def predict_fn(prices, model):
    return [round(1000 * float(price)) for price in prices]

def output_fn(dollars, accept):
    return json.dumps(dollars), "application/json"
"""


@pytest.fixture(scope="module")
def predictor(
    session: Any, role: str, uploaded: str, tmp_path_factory: pytest.TempPathFactory, delete: Callable[..., None]
) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("pipeline")
    about = {"role": role, "instance_type": "ml.m5.large", "framework_version": "1.2-1", "sagemaker_session": session}
    estimator = SKLearn(str(ROOT / "examples/housing/train.py"), hyperparameters={"n-estimators": 20}, **about)
    estimator.fit({"train": uploaded}, logs=False)

    def scripted(name: str, code: str) -> SKLearnModel:
        (folder / f"{name}.py").write_text(code)
        return SKLearnModel(
            estimator.model_data,
            role,
            str(folder / f"{name}.py"),
            framework_version="1.2-1",
            sagemaker_session=session,
        )

    models = [scripted("before", BEFORE), estimator.create_model(), scripted("after", AFTER)]
    pipeline = PipelineModel(models, role, predictor_cls=None, sagemaker_session=session)
    pipeline.deploy(1, "ml.m5.large", wait=False)
    waiter = session.sagemaker_client.get_waiter("endpoint_in_service")
    waiter.wait(EndpointName=pipeline.endpoint_name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    from sagemaker.predictor import Predictor

    made = Predictor(pipeline.endpoint_name, session, CSVSerializer(), JSONDeserializer())
    yield made
    delete(made)


def test_text_goes_in_and_dollars_come_out(predictor: Any, rows: list[list[float]]) -> None:
    dollars = predictor.predict(rows)
    assert len(dollars) == 3
    assert all(isinstance(each, int) and 5_000 < each < 50_000 for each in dollars)
