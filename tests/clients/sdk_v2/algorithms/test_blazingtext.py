"""BlazingText with the SDK v2's generic estimator: short reviews, classified; the model read by fastText outside."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sagemaker import image_uris
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import JSONSerializer

GOOD = "lovely great wonderful enjoyed delightful superb".split()  # noqa: SIM905
BAD = "awful dull boring hated terrible dreadful".split()  # noqa: SIM905
COMMON = "the film was a story with actors and music".split()  # noqa: SIM905


@pytest.fixture(scope="module")
def reviews() -> list[str]:
    """Words of an opinion among words of none, the label first."""
    random = np.random.default_rng(0)

    def review(number: int) -> str:
        words = [*random.choice(COMMON, 6), *random.choice(GOOD if number % 2 else BAD, 2)]
        return " ".join(("__label__good" if number % 2 else "__label__bad", *random.permutation(words)))

    return [review(number) for number in range(400)]


@pytest.fixture(scope="module")
def estimator(about: dict[str, Any], session: Any, bucket: str, reviews: list[str]) -> Estimator:
    made = Estimator(image_uris.retrieve("blazingtext", session.boto_region_name), **about)
    made.set_hyperparameters(mode="supervised", epochs=10, min_count=1, vector_dim=10, word_ngrams=1, learning_rate=0.5)
    inputs = {}
    for name, some in (("train", reviews[:300]), ("validation", reviews[300:])):
        session.boto_session.client("s3").put_object(Bucket=bucket, Key=f"reviews/{name}/x", Body="\n".join(some))
        inputs[name] = TrainingInput(f"s3://{bucket}/reviews/{name}", content_type="text/plain")
    made.fit(inputs, logs=False)
    return made


@pytest.fixture(scope="module")
def predictor(estimator: Estimator, deploy: Callable[..., Any], delete: Callable[..., None]) -> Iterator[Any]:
    made = deploy(estimator, serializer=JSONSerializer(), deserializer=JSONDeserializer())
    yield made
    delete(made)


def test_opinions_are_told_apart(predictor: Any) -> None:
    answers = predictor.predict({"instances": ["a superb story", "the music was dull"], "configuration": {"k": 2}})
    assert [answer["label"][0] for answer in answers] == ["__label__good", "__label__bad"]
    assert all(len(answer["prob"]) == 2 for answer in answers)


def test_the_metrics_are_told(estimator: Estimator, told: Callable[..., dict[str, float]]) -> None:
    assert told(estimator)["validation:accuracy"] > 0.95


def test_a_batch_of_lines_gets_labels(estimator: Estimator, transformed: Callable[..., str]) -> None:
    text = '{"source": "a superb story"}\n{"source": "the music was dull", "k": 2}\n'
    lines = transformed(
        estimator, "opinions", text, content_type="application/jsonlines", accept="application/jsonlines"
    )
    assert [json.loads(line)["label"][0] for line in lines.splitlines()] == ["__label__good", "__label__bad"]


def test_fast_text_reads_the_model(
    estimator: Estimator, members: Callable[[str], dict[str, bytes]], environment: Callable[[str], str], tmp_path: Path
) -> None:
    (tmp_path / "model.bin").write_bytes(members(estimator.model_data)["model.bin"])
    code = "import sys, fasttext; print(fasttext.load_model(sys.argv[1]).predict(['dull'])[0][0][0])"
    command = [environment("blazingtext"), "-c", code, str(tmp_path / "model.bin")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "__label__bad\n"
