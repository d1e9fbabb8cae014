"""AutoGluon-Tabular through an Estimator: which abalones are old, by their measures and their sex, which is a word."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.exceptions import UnexpectedStatusException
from sagemaker.serializers import CSVSerializer

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/autogluon-{}-ensemble:latest"


@pytest.fixture(scope="module")
def uploaded(session: Any, bucket: str, abalones: list[list[str]]) -> str:
    """Folders to train and to validate, and the sex named as a category."""
    s3 = session.boto_session.client("s3")
    for folder, rows in (("train", abalones[:400]), ("validation", abalones[400:500])):
        text = "".join(",".join(row) + "\n" for row in rows)
        s3.put_object(Bucket=bucket, Key=f"ensemble/{folder}/data.csv", Body=text.encode())
    s3.put_object(Bucket=bucket, Key="ensemble/categorical_index.json", Body=b'{"cat_index_list": [1]}')
    return f"s3://{bucket}/ensemble/"


@pytest.fixture(scope="module")
def estimator(about: dict[str, Any], uploaded: str) -> Estimator:
    given = {"presets": "optimize_for_deployment", "eval_metric": "auto", "auto_stack": "False", "num_bag_folds": "0"}
    made = Estimator(IMAGE.format("classification"), hyperparameters=given, **about)
    made.fit({"training": uploaded}, logs=False)
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
    assert sum(right) > 0.7 * len(right)


def test_the_metric_is_the_one_that_the_guide_names(
    estimator: Estimator, told: Callable[[Any], dict[str, float]]
) -> None:
    assert 0.75 < told(estimator)["roc_auc"] <= 1


def test_a_batch_gets_the_same_and_so_does_autogluon_itself(
    estimator: Estimator,
    answer: Any,
    abalones: list[list[str]],
    transformed: Callable[..., Any],
    outside: Callable[..., Any],
) -> None:
    text = "".join(",".join(row[1:]) + "\n" for row in abalones[500:510])
    body = transformed(estimator, "ensemble-batch", text, content_type="text/csv", accept="application/jsonlines")
    found = [json.loads(line)["probabilities"] for line in body.splitlines()]
    assert found == [pytest.approx(row) for row in answer["probabilities"][:10]]
    rows = [[row[1], *map(float, row[2:])] for row in abalones[500:510]]
    code = "import pandas; from autogluon.tabular import TabularPredictor\n"
    code += "predictor = TabularPredictor.load('.', verbosity=0)\n"
    code += "rows = pandas.DataFrame(given[0], columns=range(1, 9))\n"
    code += "print(json.dumps(predictor.predict_proba(rows).to_numpy().tolist()))"
    assert outside(estimator, "autogluon", code, rows) == [pytest.approx(row) for row in found]


def test_what_is_wrong_is_said_before_anything_is_trained(about: dict[str, Any], uploaded: str) -> None:
    made = Estimator(IMAGE.format("regression"), hyperparameters={"eval_metric": "roc_auc"}, **about)
    with pytest.raises(UnexpectedStatusException, match="ClientError: Hyperparameter eval_metric: roc_auc is none"):
        made.fit({"training": uploaded}, logs=False)
