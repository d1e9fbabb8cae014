"""k-NN through its class in the SDK v2: fit, deploy, predict with and without the neighbors, transform."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sagemaker import KNN
from sagemaker.deserializers import JSONDeserializer
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer

CENTERS = np.array([[0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 0, 9]], "float32")
LABELS = (np.arange(400) % 4).astype("float32")


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    random = np.random.default_rng(0)
    return (CENTERS[LABELS.astype(int)] + random.normal(0, 1, (400, 3))).astype("float32")


@pytest.fixture(scope="module")
def estimator(about: dict[str, Any], rows: np.ndarray) -> KNN:
    made = KNN(k=5, sample_size=300, predictor_type="classifier", index_type="faiss.IVFFlat", **about)
    sets = [
        made.record_set(rows[part], labels=LABELS[part], channel=channel)
        for channel, part in (("train", slice(300)), ("test", slice(300, 400)))
    ]
    made.fit(sets, logs=False)
    return made


@pytest.fixture(scope="module")
def predictor(estimator: KNN, deploy: Callable[..., Any], delete: Callable[..., None]) -> Iterator[Any]:
    made = deploy(estimator)
    yield made
    delete(made)


def test_a_row_has_the_class_of_its_neighbors(
    predictor: Any, estimator: KNN, told: Callable[[Any], dict[str, float]], rows: np.ndarray
) -> None:
    answers = predictor.predict(rows[300:340])
    assert [each.label["predicted_label"].float32_tensor.values[0] for each in answers] == list(LABELS[300:340])
    assert told(estimator)["test:accuracy"] > 0.98


def test_the_neighbors_are_told_to_those_who_ask(predictor: Any, session: Any, rows: np.ndarray) -> None:
    deserializer = JSONDeserializer(accept="application/json; verbose=true")
    (answer,) = Predictor(predictor.endpoint_name, session, CSVSerializer(), deserializer).predict(rows[:1])[
        "predictions"
    ]
    assert answer["labels"] == [0] * 5
    assert answer["distances"] == sorted(answer["distances"])
    assert answer["distances"][0] == pytest.approx(0, abs=1e-3)  # itself


def test_a_batch_has_the_same_classes(
    estimator: KNN, transformed: Callable[..., str], members: Callable[[str], dict[str, bytes]], rows: np.ndarray
) -> None:
    text = "\n".join(",".join(map(str, row)) for row in rows[:12].tolist())
    lines = transformed(estimator, "knn", text, content_type="text/csv", accept="application/jsonlines")
    assert [json.loads(line)["predicted_label"] for line in lines.splitlines() if line] == list(LABELS[:12])
    assert "index.faiss" in members(estimator.model_data)
