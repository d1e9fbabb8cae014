"""BlazingText with the SDK v2's generic estimator: ends of film reviews, classified; read by fastText outside."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sagemaker import image_uris
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import JSONSerializer


@pytest.fixture(scope="module")
def reviews(samples: Path) -> list[str]:
    """The label first, then words."""
    return (samples / "reviews.txt").read_text().splitlines()


@pytest.fixture(scope="module")
def asked(reviews: list[str]) -> list[tuple[str, str]]:
    """Labels and texts that were learnt from."""
    return [(label, text) for label, _, text in (line.partition(" ") for line in reviews[:20])]


@pytest.fixture(scope="module")
def estimator(about: dict[str, Any], session: Any, bucket: str, reviews: list[str]) -> Estimator:
    made = Estimator(image_uris.retrieve("blazingtext", session.boto_region_name), **about)
    made.set_hyperparameters(
        mode="supervised", epochs=30, min_count=2, vector_dim=10, learning_rate=0.5, buckets=100000
    )
    inputs = {}
    for name, some in (("train", reviews[:240]), ("validation", reviews[240:])):
        session.boto_session.client("s3").put_object(Bucket=bucket, Key=f"reviews/{name}/x", Body="\n".join(some))
        inputs[name] = TrainingInput(f"s3://{bucket}/reviews/{name}", content_type="text/plain")
    made.fit(inputs, logs=False)
    return made


@pytest.fixture(scope="module")
def predictor(estimator: Estimator, deploy: Callable[..., Any], delete: Callable[..., None]) -> Iterator[Any]:
    made = deploy(estimator, serializer=JSONSerializer(), deserializer=JSONDeserializer())
    yield made
    delete(made)


def test_opinions_are_told_apart(predictor: Any, asked: list[tuple[str, str]]) -> None:
    answers = predictor.predict({"instances": [text for _, text in asked], "configuration": {"k": 2}})
    right = [answer["label"][0] == label for answer, (label, _) in zip(answers, asked, strict=True)]
    assert sum(right) > 15
    assert all(len(answer["prob"]) == 2 for answer in answers)


def test_the_metrics_are_told(estimator: Estimator, told: Callable[..., dict[str, float]]) -> None:
    metrics = told(estimator)
    assert metrics["train:accuracy"] > 0.9
    assert metrics["validation:accuracy"] > 0.5


def test_a_batch_has_the_labels_of_fast_text(
    estimator: Estimator,
    asked: list[tuple[str, str]],
    transformed: Callable[..., str],
    outside: Callable[..., Any],
) -> None:
    texts = [text for _, text in asked]
    lines = transformed(
        estimator,
        "opinions",
        "".join(json.dumps({"source": text}) + "\n" for text in texts),
        content_type="application/jsonlines",
        accept="application/jsonlines",
    )
    code = "import fasttext; model = fasttext.load_model('model.bin')\n"
    code += "print(json.dumps([labels[0] for labels in model.predict(given[0])[0]]))"
    expected = outside(estimator, "blazingtext", code, texts)
    assert [json.loads(line)["label"][0] for line in lines.splitlines()] == expected
