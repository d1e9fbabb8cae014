"""Latent Dirichlet allocation through its class in the SDK v2: documents of two vocabularies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sagemaker import LDA


@pytest.fixture(scope="module")
def documents() -> np.ndarray:
    random = np.random.default_rng(0)
    one, other = [0.25] * 4 + [0.0] * 4, [0.0] * 4 + [0.25] * 4
    return np.array([random.multinomial(50, one if row % 2 else other) for row in range(100)], "float32")


@pytest.fixture(scope="module")
def estimator(about: dict[str, Any], documents: np.ndarray) -> LDA:
    made = LDA(num_topics=2, **{name: value for name, value in about.items() if name != "instance_count"})
    records = [made.record_set(documents[:80]), made.record_set(documents[80:], channel="test")]
    made.fit(records, mini_batch_size=80, logs=False)
    return made


@pytest.fixture(scope="module")
def mixtures(estimator: LDA, outside: Callable[..., Any], documents: np.ndarray) -> np.ndarray:
    """What scikit-learn itself says of some documents."""
    code = "import joblib, numpy; model = joblib.load('model.joblib')\n"
    code += "print(json.dumps(model.transform(numpy.array(given[0], 'float32')).tolist()))"
    return np.array(outside(estimator, "scikit-learn", code, documents[:4].tolist()))


def test_the_metric_is_told(estimator: LDA, told: Callable[[Any], dict[str, float]]) -> None:
    assert told(estimator)["test:pwll"] == pytest.approx(np.log(0.25), abs=0.2)


def test_documents_of_a_vocabulary_are_of_a_topic(
    estimator: LDA,
    documents: np.ndarray,
    mixtures: np.ndarray,
    deploy: Callable[..., Any],
    delete: Callable[..., None],
) -> None:
    predictor = deploy(estimator)
    answers = predictor.predict(documents[:4])
    delete(predictor)
    found = np.array([answer.label["topic_mixture"].float32_tensor.values for answer in answers])
    np.testing.assert_allclose(found, mixtures, atol=1e-4)
    topics = found.argmax(axis=1)
    assert list(topics[:2]) == list(topics[2:])
    assert topics[0] != topics[1]


def test_a_batch_of_documents_gets_its_topics(
    estimator: LDA, transformed: Callable[..., Any], documents: np.ndarray, mixtures: np.ndarray
) -> None:
    text = "\n".join(",".join(str(int(count)) for count in row) for row in documents[:4])
    lines = transformed(estimator, "topics", text, content_type="text/csv", accept="text/csv").split()
    np.testing.assert_allclose([[float(cell) for cell in line.split(",")] for line in lines], mixtures, atol=1e-4)
