"""LightGBM and CatBoost through an Estimator: abalones by their measures, their sex a category of words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.serializers import CSVSerializer

ABALONE = Path(__file__).parents[2] / "samples/abalone.csv"
REGISTRY = "763104351884.dkr.ecr.us-east-1.amazonaws.com"


@pytest.fixture(scope="module")
def abalones() -> list[list[str]]:
    """Rings (the age) first, sex second, then seven measures."""
    rows = [line.split(",") for line in ABALONE.read_text().splitlines()]
    return [[row[-1], *row[:-1]] for row in rows]


@pytest.fixture(scope="module")
def fitted(about: dict[str, Any], session: Any, bucket: str, abalones: list[list[str]]) -> Callable[..., Estimator]:
    """An estimator of an image, trained on 500 of them; classes are whether there are more than 9 rings."""

    def fitted(image: str, *, classify: bool, **hyperparameters: Any) -> Estimator:
        rows = [[str(int(int(row[0]) > 9)) if classify else row[0], *row[1:]] for row in abalones[:500]]
        s3 = session.boto_session.client("s3")
        text = "".join(",".join(row) + "\n" for row in rows)
        s3.put_object(Bucket=bucket, Key=f"{image}/train/data.csv", Body=text.encode())
        s3.put_object(Bucket=bucket, Key=f"{image}/categorical_index.json", Body=b'{"cat_index_list": [1]}')
        made = Estimator(f"{REGISTRY}/{image}:latest", hyperparameters=hyperparameters, **about)
        made.fit({"training": f"s3://{bucket}/{image}/"}, logs=False)
        return made

    return fitted


@pytest.fixture(scope="module")
def age(fitted: Callable[..., Estimator]) -> Estimator:
    return fitted("lightgbm-regression-model", classify=False, num_boost_round=60, num_threads=1)


@pytest.fixture(scope="module")
def old(fitted: Callable[..., Estimator]) -> Estimator:
    return fitted("catboost-classification-model", classify=True, iterations=100, learning_rate=0.1)


@pytest.fixture(scope="module")
def predictor(old: Estimator, deploy: Callable[..., Any], delete: Callable[..., None]) -> Iterator[Any]:
    made = deploy(old, serializer=CSVSerializer(), deserializer=JSONDeserializer(accept="application/json;verbose"))
    yield made
    delete(made)


def test_most_old_ones_are_known(predictor: Any, abalones: list[list[str]]) -> None:
    rows = abalones[500:]
    answer = predictor.predict("\n".join(",".join(row[1:]) for row in rows))
    assert answer["labels"] == [0, 1]
    right = [bool(said) == (int(row[0]) > 9) for said, row in zip(answer["predicted_label"], rows, strict=True)]
    assert sum(right) > 0.7 * len(rows)


def test_metrics_are_those_that_aws_publishes(
    age: Estimator, old: Estimator, told: Callable[[Any], dict[str, float]]
) -> None:
    assert 1.5 < told(age)["rmse"] < 3.5
    assert told(old)["AUC"] > 0.75


def test_a_batch_and_an_endpoint_say_what_lightgbm_itself_says(
    age: Estimator,
    abalones: list[list[str]],
    transformed: Callable[..., str],
    outside: Callable[..., Any],
    members: Callable[[str], dict[str, bytes]],
    deploy: Callable[..., Any],
    delete: Callable[..., None],
) -> None:
    rows = abalones[500:520]
    text = "".join(",".join(row[1:]) + "\n" for row in rows)
    ages = [float(line) for line in transformed(age, "ages", text, content_type="text/csv", accept="text/csv").split()]
    predictor = deploy(age, serializer=CSVSerializer(), deserializer=JSONDeserializer())
    assert predictor.predict(text)["prediction"] == pytest.approx(ages)
    delete(predictor)
    sexes = json.loads(members(age.model_data)["encoding.json"])["categories"]["0"]
    assert sexes == ["F", "I", "M"]
    matrix = [[float(sexes.index(row[1])), *map(float, row[2:])] for row in rows]
    code = "import numpy, lightgbm; booster = lightgbm.Booster(model_file='model.txt')\n"
    code += "print(json.dumps(booster.predict(numpy.array(given[0])).tolist()))"
    assert ages == pytest.approx(outside(age, "lightgbm", code, matrix))


def test_a_batch_says_what_catboost_itself_says(
    old: Estimator,
    abalones: list[list[str]],
    transformed: Callable[..., str],
    outside: Callable[..., Any],
    members: Callable[[str], dict[str, bytes]],
) -> None:
    rows = abalones[500:520]
    text = "".join(",".join(row[1:]) + "\n" for row in rows)
    lines = transformed(old, "old", text, content_type="text/csv", accept="text/csv").splitlines()
    sexes = json.loads(members(old.model_data)["encoding.json"])["categories"]["0"]
    table = [[sexes.index(row[1]), *map(float, row[2:])] for row in rows]
    code = "import catboost; model = catboost.CatBoostClassifier().load_model('model.cbm')\n"
    code += "print(json.dumps(model.predict_proba(given[0])[:, 1].tolist()))"
    assert [float(line.split(",")[1]) for line in lines] == pytest.approx(
        outside(old, "catboost", code, table), abs=1e-6
    )
