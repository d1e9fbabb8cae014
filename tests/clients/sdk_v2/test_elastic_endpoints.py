"""Serverless and asynchronous endpoints with the SDK v2, by the objects that notebooks configure them with."""

from __future__ import annotations

import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sagemaker.async_inference import AsyncInferenceConfig, WaiterConfig
from sagemaker.deserializers import JSONDeserializer
from sagemaker.predictor import Predictor
from sagemaker.predictor_async import AsyncPredictor
from sagemaker.serializers import JSONSerializer
from sagemaker.serverless import ServerlessInferenceConfig
from sagemaker.sklearn import SKLearnModel

MODEL = """
from sklearn.linear_model import LinearRegression

def model_fn(model_dir):
    return LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])

def predict_fn(data, model):
    return model.predict(data.reshape(-1, 1))
"""


@pytest.fixture(scope="module")
def model(session: Any, role: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], SKLearnModel]:
    """A model that is all in its script; each endpoint has its own."""
    folder: Path = tmp_path_factory.mktemp("model")
    (folder / "inference.py").write_text(MODEL)
    empty = folder / "model.tar.gz"
    with tarfile.open(empty, "w:gz"):
        pass
    data = session.upload_data(str(empty), key_prefix="elastic")

    def made() -> SKLearnModel:
        return SKLearnModel(
            model_data=data,
            role=role,
            entry_point=str(folder / "inference.py"),
            framework_version="1.2-1",
            sagemaker_session=session,
        )

    return made


@pytest.fixture
def deployed(
    session: Any, model: Callable[[], SKLearnModel], delete: Callable[[Any], None]
) -> Iterator[Callable[..., Any]]:
    """`model.deploy(…)`, without the SDK's half minutes; what it made is deleted afterwards."""
    predictors: list[Any] = []

    def deploy(*size: Any, **options: Any) -> Any:
        predictors.append(model().deploy(*size, wait=False, **options))
        waiter = session.sagemaker_client.get_waiter("endpoint_in_service")
        waiter.wait(EndpointName=predictors[-1].endpoint_name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
        return predictors[-1]

    yield deploy
    for predictor in predictors:
        delete(predictor)


def test_a_serverless_endpoint_predicts(deployed: Callable[..., Any]) -> None:
    config = ServerlessInferenceConfig(memory_size_in_mb=2048, max_concurrency=2)
    predictor = deployed(
        serverless_inference_config=config, serializer=JSONSerializer(), deserializer=JSONDeserializer()
    )
    assert isinstance(predictor, Predictor)
    assert np.allclose(predictor.predict([1, 2]), [2, 4])


def test_an_asynchronous_endpoint_answers_later(session: Any, deployed: Callable[..., Any]) -> None:
    config = AsyncInferenceConfig(
        output_path=f"s3://{session.default_bucket()}/elastic/out", max_concurrent_invocations_per_instance=2
    )
    predictor = deployed(
        1,
        "ml.m5.large",
        async_inference_config=config,
        serializer=JSONSerializer(),
        deserializer=JSONDeserializer(),
    )
    assert isinstance(predictor, AsyncPredictor)
    response = predictor.predict_async(data=[1, 2])
    assert np.allclose(response.get_result(WaiterConfig(max_attempts=60, delay=1)), [2, 4])
    # A thread of the SDK goes on waiting for a failure, for as long as it may.
    bucket, key = response.failure_path.removeprefix("s3://").split("/", 1)
    session.boto_session.client("s3").put_object(Bucket=bucket, Key=key)
    for thread in threading.enumerate():
        if "check_failure_file" in thread.name:
            thread.join(60)
