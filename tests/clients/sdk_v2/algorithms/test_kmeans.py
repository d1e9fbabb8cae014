"""k-means through its class in the SDK v2, on two instances: digits by their pixels; every request's form."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sagemaker import KMeans
from sagemaker.amazon.common import read_records, write_numpy_to_dense_tensor
from sagemaker.deserializers import CSVDeserializer, JSONDeserializer, JSONLinesDeserializer
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer, JSONLinesSerializer, JSONSerializer

K = 10


@pytest.fixture(scope="module")
def pixels(sample: Callable[[str], np.ndarray]) -> np.ndarray:
    return sample("digits.csv")[:, 1:]


@pytest.fixture(scope="module")
def estimator(about: dict[str, Any], pixels: np.ndarray) -> KMeans:
    """Trained on half of the rows on each of two instances, as `record_set` deals them out."""
    made = KMeans(k=K, **{**about, "instance_count": 2})
    made.fit([made.record_set(pixels[:500]), made.record_set(pixels[500:], channel="test")], logs=False)
    return made


@pytest.fixture(scope="module")
def predictor(estimator: KMeans, deploy: Callable[..., Any], delete: Callable[..., None]) -> Iterator[Any]:
    made = deploy(estimator)
    yield made
    delete(made)


@pytest.fixture(scope="module")
def closest(estimator: KMeans, outside: Callable[..., Any], pixels: np.ndarray) -> list[int]:
    """What scikit-learn itself says of the last rows."""
    code = "import joblib, numpy; model = joblib.load('model.joblib')\n"
    code += "print(json.dumps(model.predict(numpy.array(given[0], 'float32')).tolist()))"
    said: list[int] = outside(estimator, "scikit-learn", code, pixels[500:].tolist())
    return said


def test_all_rows_of_both_instances_were_learnt_from(
    estimator: KMeans, told: Callable[[Any], dict[str, float]], pixels: np.ndarray
) -> None:
    metrics = told(estimator)
    assert metrics["train:ssd"] / metrics["train:msd"] == pytest.approx(500)
    around = ((pixels - pixels.mean(axis=0)) ** 2).sum(axis=1).mean()
    assert metrics["train:msd"] < metrics["test:msd"] < 0.8 * around


def test_records(predictor: Any, pixels: np.ndarray, closest: list[int]) -> None:
    answers = predictor.predict(pixels[500:])
    assert [answer.label["closest_cluster"].float32_tensor.values[0] for answer in answers] == closest


@pytest.mark.parametrize("form", ["csv", "json", "jsonlines"])
def test_rows_of_text(predictor: Any, session: Any, pixels: np.ndarray, closest: list[int], form: str) -> None:
    rows = pixels[500:505].tolist()
    match form:
        case "csv":
            plain = Predictor(predictor.endpoint_name, session, CSVSerializer(), JSONDeserializer())
            answers = plain.predict(rows)["predictions"]
        case "json":
            plain = Predictor(predictor.endpoint_name, session, JSONSerializer(), JSONDeserializer())
            answers = plain.predict({"instances": [{"features": row} for row in rows]})["predictions"]
        case _:
            plain = Predictor(predictor.endpoint_name, session, JSONLinesSerializer(), JSONLinesDeserializer())
            answers = plain.predict([{"features": row} for row in rows])
    assert [answer["closest_cluster"] for answer in answers] == closest[:5]
    assert all(set(answer) == {"closest_cluster", "distance_to_cluster"} for answer in answers)


def test_answers_of_numbers_alone(predictor: Any, session: Any, pixels: np.ndarray, closest: list[int]) -> None:
    plain = Predictor(predictor.endpoint_name, session, CSVSerializer(), CSVDeserializer())
    assert [float(row[0]) for row in plain.predict(pixels[500:503].tolist())] == closest[:3]


def test_a_batch_of_records_gets_records(
    estimator: KMeans, transformed: Callable[..., Any], pixels: np.ndarray, closest: list[int]
) -> None:
    file = io.BytesIO()
    write_numpy_to_dense_tensor(file, pixels[500:])
    media = "application/x-recordio-protobuf"
    body = transformed(estimator, "digits", file.getvalue(), content_type=media, accept=media)
    answers = read_records(io.BytesIO(body))
    assert [answer.label["closest_cluster"].float32_tensor.values[0] for answer in answers] == closest
