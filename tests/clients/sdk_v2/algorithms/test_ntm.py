"""The Neural Topic Model through its class in the SDK v2: documents of two vocabularies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sagemaker import NTM


@pytest.fixture(scope="module")
def documents() -> np.ndarray:
    random = np.random.default_rng(0)
    one, other = [0.25] * 4 + [0.0] * 4, [0.0] * 4 + [0.25] * 4
    return np.array([random.multinomial(50, one if row % 2 else other) for row in range(300)], "float32")


@pytest.fixture(scope="module")
def estimator(about: dict[str, Any], documents: np.ndarray) -> NTM:
    made = NTM(num_topics=2, optimizer="adam", learning_rate=0.05, epochs=40, encoder_layers=[8, 4], **about)
    records = [made.record_set(documents[:250]), made.record_set(documents[250:], channel="validation")]
    made.fit(records, mini_batch_size=50, logs=False)
    return made


def test_a_document_is_of_its_topic(
    estimator: NTM, documents: np.ndarray, deploy: Callable[..., Any], delete: Callable[..., None]
) -> None:
    predictor = deploy(estimator)
    answers = predictor.predict(documents[:6])
    delete(predictor)
    topics = [int(np.argmax(answer.label["topic_weights"].float32_tensor.values)) for answer in answers]
    assert topics == topics[:2] * 3
    assert topics[0] != topics[1]


def test_the_metrics_are_told(estimator: NTM, told: Callable[..., dict[str, float]]) -> None:
    assert 50 < told(estimator)["validation:total_loss"] < 90


def test_a_batch_of_documents_gets_its_topics(
    estimator: NTM, transformed: Callable[..., str], documents: np.ndarray
) -> None:
    text = "".join(",".join(str(int(count)) for count in row) + "\n" for row in documents[:2])
    lines = transformed(estimator, "ntm", text, content_type="text/csv", accept="text/csv").split()
    one, other = np.array([line.split(",") for line in lines], float)
    assert one.argmax() != other.argmax()


def test_py_torch_reads_the_model(estimator: NTM, outside: Callable[..., Any]) -> None:
    code = "import torch; saved = torch.load('model.pt', weights_only=True)\n"
    code += "print(json.dumps([sorted(saved), sum(each.numel() for each in saved['weights'].values())]))"
    names, count = outside(estimator, "pytorch", code)
    assert names == ["made_of", "weights"]
    assert count > 50
