"""Random Cut Forest through its class in the SDK v2: a day of readings with a few that are out of the way."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sagemaker import RandomCutForest
from sagemaker.deserializers import JSONDeserializer
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer

ODD = [100, 250, 400]


@pytest.fixture(scope="module")
def readings() -> np.ndarray:
    """Two sensors; at three times one of them says what it never says."""
    random = np.random.default_rng(0)
    times = np.arange(500)
    rows = np.stack([np.sin(times / 20), np.cos(times / 20)], axis=1) + random.normal(0, 0.05, (500, 2))
    rows[ODD] += [3, -3]
    return rows.astype("float32")


@pytest.fixture(scope="module")
def estimator(about: dict[str, Any], readings: np.ndarray) -> RandomCutForest:
    made = RandomCutForest(num_samples_per_tree=200, num_trees=60, input_mode="Pipe", **about)
    labels = np.isin(np.arange(len(readings)), ODD).astype("float32")
    test = made.record_set(readings, labels=labels, channel="test")
    made.fit([made.record_set(readings), test], logs=False)
    return made


@pytest.fixture(scope="module")
def predictor(estimator: RandomCutForest, deploy: Callable[..., Any], delete: Callable[..., None]) -> Iterator[Any]:
    made = deploy(estimator)
    yield made
    delete(made)


def test_the_odd_readings_have_the_highest_scores(predictor: Any, readings: np.ndarray) -> None:
    scores = [answer.label["score"].float32_tensor.values[0] for answer in predictor.predict(readings)]
    assert sorted(np.argsort(scores)[-3:]) == ODD


def test_rows_of_text_get_json(predictor: Any, session: Any, readings: np.ndarray) -> None:
    plain = Predictor(predictor.endpoint_name, session, CSVSerializer(), JSONDeserializer())
    usual, odd = plain.predict(readings[[0, ODD[0]]])["scores"]
    assert set(usual) == {"score"}
    assert odd["score"] > 2 * usual["score"]


def test_a_batch_has_the_same_scores(
    estimator: RandomCutForest, predictor: Any, transformed: Callable[..., str], readings: np.ndarray
) -> None:
    text = "".join(f"{one},{other}\n" for one, other in readings[:20].tolist())
    lines = transformed(estimator, "forest", text, content_type="text/csv", accept="application/jsonlines")
    scores = [json.loads(line)["score"] for line in lines.split()]
    answers = predictor.predict(readings[:20])
    assert scores == pytest.approx([answer.label["score"].float32_tensor.values[0] for answer in answers], rel=1e-5)


def test_the_metrics_are_told(estimator: RandomCutForest, told: Callable[..., dict[str, float]]) -> None:
    metrics = told(estimator)
    assert metrics["test:recall"] == 1
    assert metrics["test:f1"] > 0.7


def test_the_model_is_numpy_s(estimator: RandomCutForest, members: Callable[[str], dict[str, bytes]]) -> None:
    with np.load(io.BytesIO(members(estimator.model_data)["model.npz"])) as model:
        assert len(model["roots"]) == 60
        assert model["mass"][0] == 200
