"""Linear Learner through its class in the SDK v2: fit, deploy, predict, transform, tune; the model read by NumPy."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sagemaker import LinearLearner
from sagemaker.deserializers import JSONDeserializer
from sagemaker.predictor import Predictor
from sagemaker.serializers import JSONSerializer

TRUE = np.array([2.0, -3.0, 0.5, 0.0], "float32")


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(5, [1, 2, 30, 4], (600, 4)).astype("float32")


@pytest.fixture(scope="module")
def labels(rows: np.ndarray) -> np.ndarray:
    """Which side of a plane a row is on; a tenth of them is wrong."""
    odds = (rows - 5) @ TRUE
    wrong = np.random.default_rng(1).random(len(rows)) < 0.1
    return ((odds > 0) ^ wrong).astype("float32")


@pytest.fixture(scope="module")
def estimator(about: dict[str, Any], rows: np.ndarray, labels: np.ndarray) -> LinearLearner:
    made = LinearLearner(predictor_type="binary_classifier", num_models=3, optimizer="adam", epochs=5, **about)
    sets = [
        made.record_set(rows[part], labels=labels[part], channel=channel)
        for channel, part in (("train", slice(400)), ("validation", slice(400, 500)), ("test", slice(500, 600)))
    ]
    made.fit(sets, mini_batch_size=100, logs=False)
    return made


@pytest.fixture(scope="module")
def predictor(estimator: LinearLearner, deploy: Callable[..., Any], delete: Callable[..., None]) -> Iterator[Any]:
    made = deploy(estimator)
    yield made
    delete(made)


def test_the_metrics_are_told(estimator: LinearLearner, told: Callable[[Any], dict[str, float]]) -> None:
    metrics = told(estimator)
    assert metrics["test:binary_classification_accuracy"] > 0.8
    assert {"validation:objective_loss", "validation:roc_auc_score", "test:binary_f_beta"} <= set(metrics)


def test_records_get_a_score_and_a_class(predictor: Any, rows: np.ndarray) -> None:
    answers = predictor.predict(rows[500:])
    scores = np.array([each.label["score"].float32_tensor.values[0] for each in answers])
    classes = np.array([each.label["predicted_label"].float32_tensor.values[0] for each in answers])
    assert np.mean(classes == ((rows[500:] - 5) @ TRUE > 0)) > 0.9
    assert scores[classes == 1].min() > scores[classes == 0].max()


def test_json_and_the_model_say_the_same(
    predictor: Any, estimator: LinearLearner, session: Any, members: Callable[[str], dict[str, bytes]], rows: np.ndarray
) -> None:
    plain = Predictor(predictor.endpoint_name, session, JSONSerializer(), JSONDeserializer())
    answers = plain.predict({"instances": [{"features": row.tolist()} for row in rows[:5]]})["predictions"]
    found = members(estimator.model_data)
    assert list(found) == ["model.npz"]
    model = np.load(io.BytesIO(found["model.npz"]))
    odds = rows[:5] @ model["weights"][0] + model["bias"][0]
    np.testing.assert_allclose([each["score"] for each in answers], 1 / (1 + np.exp(-odds)), rtol=1e-4)


def test_a_batch_has_the_same_classes(
    estimator: LinearLearner, transformed: Callable[..., str], predictor: Any, rows: np.ndarray
) -> None:
    text = "\n".join(",".join(map(str, row)) for row in rows[:20].tolist())
    lines = transformed(estimator, "linear", text, content_type="text/csv", accept="application/jsonlines")
    answers = predictor.predict(rows[:20])
    assert [json.loads(line)["predicted_label"] for line in lines.splitlines() if line] == [
        each.label["predicted_label"].float32_tensor.values[0] for each in answers
    ]
