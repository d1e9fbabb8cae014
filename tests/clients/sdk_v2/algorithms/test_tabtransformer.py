"""TabTransformer through an Estimator: which abalones are old, by their measures and their sex, which is a word."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.serializers import CSVSerializer

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-tabtransformerclassification-model:latest"


@pytest.fixture(scope="module")
def estimator(about: dict[str, Any], session: Any, bucket: str, abalones: list[list[str]]) -> Estimator:
    given = {"n_epochs": 10, "input_dim": 16, "n_blocks": 1, "batch_size": 32, "learning_rate": 0.005}
    made = Estimator(IMAGE, hyperparameters=given, environment={"OMP_NUM_THREADS": "1"}, **about)
    s3 = session.boto_session.client("s3")
    text = "".join(",".join(row) + "\n" for row in abalones[:500])
    s3.put_object(Bucket=bucket, Key="old-abalones/train/data.csv", Body=text.encode())
    s3.put_object(Bucket=bucket, Key="old-abalones/categorical_index.json", Body=b'{"cat_index_list": [1]}')
    made.fit({"training": f"s3://{bucket}/old-abalones/"}, logs=False)
    return made


@pytest.fixture(scope="module")
def predictor(estimator: Estimator, deploy: Callable[..., Any], delete: Callable[..., None]) -> Iterator[Any]:
    verbose = JSONDeserializer(accept="application/json;verbose")
    made = deploy(estimator, serializer=CSVSerializer(), deserializer=verbose)
    yield made
    delete(made)


@pytest.fixture(scope="module")
def answer(predictor: Any, abalones: list[list[str]]) -> Any:
    """What the endpoint says of those that were held back."""
    return predictor.predict("\n".join(",".join(row[1:]) for row in abalones[500:]))


def test_most_old_ones_are_known(answer: Any, abalones: list[list[str]]) -> None:
    assert answer["labels"] == [0, 1]
    right = [str(said) == row[0] for said, row in zip(answer["predicted_label"], abalones[500:], strict=True)]
    assert sum(right) > 0.65 * len(right)


def test_the_metric_is_the_one_that_aws_publishes(
    estimator: Estimator, told: Callable[[Any], dict[str, float]]
) -> None:
    assert 0.5 < told(estimator)["f1_score"] <= 1


def test_a_batch_gets_the_same(
    estimator: Estimator, answer: Any, abalones: list[list[str]], transformed: Callable[..., Any]
) -> None:
    text = "".join(",".join(row[1:]) + "\n" for row in abalones[500:510])
    body = transformed(estimator, "old-batch", text, content_type="text/csv", accept="application/jsonlines")
    found = [json.loads(line)["probabilities"] for line in body.splitlines()]
    assert found == [pytest.approx(row, abs=1e-4) for row in answer["probabilities"][:10]]


def test_py_torch_reads_the_model(estimator: Estimator, outside: Callable[..., Any]) -> None:
    code = "import torch; saved = torch.load('model.pt', weights_only=True)\n"
    code += "print(json.dumps([sorted(saved), sum(each.numel() for each in saved['weights'].values())]))"
    names, count = outside(estimator, "pytorch", code)
    assert names == ["shape", "weights"]
    assert count > 1000
