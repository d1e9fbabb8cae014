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


@pytest.fixture(scope="module")
def digits(sample: Callable[[str], np.ndarray]) -> np.ndarray:
    """What each is first, then its pixels."""
    return sample("digits.csv")


@pytest.fixture(scope="module")
def estimator(about: dict[str, Any], digits: np.ndarray) -> KNN:
    made = KNN(k=5, sample_size=500, predictor_type="classifier", index_type="faiss.IVFFlat", **about)
    sets = [
        made.record_set(part[:, 1:], labels=part[:, 0], channel=channel)
        for channel, part in (("train", digits[:500]), ("test", digits[500:]))
    ]
    made.fit(sets, logs=False)
    return made


@pytest.fixture(scope="module")
def predictor(estimator: KNN, deploy: Callable[..., Any], delete: Callable[..., None]) -> Iterator[Any]:
    made = deploy(estimator)
    yield made
    delete(made)


def test_most_rows_have_the_class_of_their_neighbors(
    predictor: Any, estimator: KNN, told: Callable[[Any], dict[str, float]], digits: np.ndarray
) -> None:
    answers = predictor.predict(digits[500:, 1:])
    classes = np.array([each.label["predicted_label"].float32_tensor.values[0] for each in answers])
    assert np.mean(classes == digits[500:, 0]) == pytest.approx(told(estimator)["test:accuracy"])
    assert told(estimator)["test:accuracy"] == pytest.approx(0.81, abs=0.04)  # what an exact search gives, and about it


def test_the_neighbors_are_told_to_those_who_ask(
    predictor: Any, estimator: KNN, session: Any, outside: Callable[..., Any], digits: np.ndarray
) -> None:
    deserializer = JSONDeserializer(accept="application/json; verbose=true")
    plain = Predictor(predictor.endpoint_name, session, CSVSerializer(), deserializer)
    (answer,) = plain.predict(digits[:1, 1:])["predictions"]
    assert answer["labels"][0] == digits[0, 0]  # its own, at no distance
    code = "import faiss, numpy; index = faiss.read_index('index.faiss')\n"
    code += "print(json.dumps(numpy.sqrt(index.search(numpy.array(given[0], 'float32'), 5)[0][0]).tolist()))"
    assert answer["distances"] == pytest.approx(outside(estimator, "knn", code, digits[:1, 1:].tolist()), abs=1e-3)


def test_a_batch_has_the_same_classes(
    estimator: KNN, transformed: Callable[..., str], predictor: Any, digits: np.ndarray
) -> None:
    text = "\n".join(",".join(map(str, row)) for row in digits[500:512, 1:].tolist())
    lines = transformed(estimator, "knn", text, content_type="text/csv", accept="application/jsonlines")
    answers = predictor.predict(digits[500:512, 1:])
    assert [json.loads(line)["predicted_label"] for line in lines.splitlines() if line] == [
        each.label["predicted_label"].float32_tensor.values[0] for each in answers
    ]
