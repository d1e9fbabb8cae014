"""`MultiDataModel`: one fitted estimator's models behind one endpoint, as AWS's notebooks build it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sagemaker.deserializers import JSONDeserializer
from sagemaker.multidatamodel import MultiDataModel
from sagemaker.serializers import JSONSerializer
from sagemaker.sklearn import SKLearn

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def estimator(session: Any, role: str, uploaded: str) -> SKLearn:
    made = SKLearn(
        entry_point=str(ROOT / "examples/housing/train.py"),
        role=role,
        instance_type="ml.m5.large",
        framework_version="1.2-1",
        hyperparameters={"n-estimators": 5},
        sagemaker_session=session,
    )
    made.fit({"train": uploaded}, logs=False)
    return made


@pytest.fixture(scope="module")
def models(session: Any, role: str, bucket: str, estimator: SKLearn) -> MultiDataModel:
    prefix = f"s3://{bucket}/multi-data-model/"
    return MultiDataModel(
        "multi-data-model", prefix, model=estimator.create_model(role=role), sagemaker_session=session
    )


@pytest.fixture(scope="module")
def predictor(models: MultiDataModel, deploy: Callable[..., Any], session: Any) -> Iterator[Any]:
    made = deploy(models, serializer=JSONSerializer(), deserializer=JSONDeserializer())
    yield made
    made.delete_endpoint()
    session.sagemaker_client.delete_model(ModelName=models.name)


def test_models_are_added_listed_and_asked(
    models: MultiDataModel, predictor: Any, estimator: SKLearn, rows: list[list[float]]
) -> None:
    for name in ("boston.tar.gz", "new/england.tar.gz"):
        models.add_model(model_data_source=estimator.model_data, model_data_path=name)
    assert list(models.list_models()) == ["boston.tar.gz", "new/england.tar.gz"]
    prices = [predictor.predict(rows, target_model=name) for name in models.list_models()]
    assert prices[0] == prices[1]
    assert all(5 < price < 50 for price in prices[0])


def test_a_model_that_is_not_there(predictor: Any, session: Any, rows: list[list[float]]) -> None:
    error = session.sagemaker_runtime_client.exceptions.ClientError
    with pytest.raises(error, match="Failed to download model data"):
        predictor.predict(rows, target_model="nowhere.tar.gz")
