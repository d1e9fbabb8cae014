"""Random Cut Forest in its environment: trained on points of a cloud and a few beside it."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

HYPERPARAMETERS = {"feature_dim": "2", "num_trees": "50", "num_samples_per_tree": "128"}
UNLABELLED = "text/csv;label_size=0"


def _csv(rows: list[list[float]]) -> str:
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


@pytest.fixture(scope="module")
def cloud() -> list[list[float]]:
    numbers = random.Random(0)
    return [[numbers.gauss(0, 1), numbers.gauss(5, 2)] for _ in range(600)]


@pytest.fixture(scope="module")
def trained(container: Callable[..., Any], cloud: list[list[float]]) -> Any:
    made = container("randomcutforest", "scikit-learn")
    made.job(HYPERPARAMETERS, train=UNLABELLED, test="text/csv;label_size=1")
    made.write("input/data/train/part.csv", _csv(cloud))
    made.write("input/data/test/part.csv", _csv([[0, *row] for row in cloud[:100]] + [[1, 30, 30], [1, -25, 5]]))
    made.done = made.train()
    assert made.done.returncode == 0, made.done.stderr
    return made


def test_the_labelled_rows_are_told_apart(trained: Any) -> None:
    told = dict(re.findall(r"test (\w+) <score>=(\S+)", trained.done.stdout))
    assert float(told["recall"]) == 1
    assert float(told["accuracy"]) > 0.95
    assert set(told) == {"accuracy", *(f"{n}{m}" for n in ("", "negative_") for m in ("precision", "recall", "f1"))}


def test_a_row_far_away_has_a_high_score(trained: Any) -> None:
    with trained.serving() as invoke:
        answer = json.loads(invoke("0,5\n30,30", "text/csv").body)
        usual, other = (each["score"] for each in answer["scores"])
        assert 0.3 < usual < 1.2
        assert other > 3
        lines = invoke('{"features": [0, 5]}\n{"features": [30, 30]}', "application/jsonlines", "application/jsonlines")
        assert [json.loads(line)["score"] for line in lines.body.splitlines()] == [usual, other]
        refused = invoke("1,2,3", "text/csv")
        assert refused.status == 400
        assert b"3 features" in refused.body
        assert invoke("1,nan", "text/csv").status == 400


def test_the_model_is_numpy_s(trained: Any) -> None:
    code = "import sys, numpy; model = numpy.load(sys.argv[1]); print(len(model['roots']), model['low'].shape[1])"
    assert trained.run("-c", code, str(trained.base / "model/model.npz")).stdout == "50 2\n"


def test_equal_rows_make_a_forest_too(container: Callable[..., Any]) -> None:
    made = container("randomcutforest", "scikit-learn")
    made.job(HYPERPARAMETERS, train=UNLABELLED)
    made.write("input/data/train/part.csv", "1,1\n" * 5)
    assert made.train().returncode == 0
    with made.serving() as invoke:
        same, other = (each["score"] for each in json.loads(invoke("1,1\n2,2", "text/csv").body)["scores"])
    assert same < 1 < other


@pytest.mark.parametrize(
    ("train", "test", "reason"),
    [
        ("", "0,1,2\n", "Channel train holds no data"),
        ("1,2\n1,2,3\n", "0,1,2\n", "Line 2 has 3 columns"),
        ("1,2\n1,\n", "0,1,2\n", "Line 2 has no finite number"),
        ("1,2,3\n", "0,1,2\n", "2 are expected"),
        ("1,2\n", "0,1\n", "2 are expected"),
        ("1,2\n", "5,1,2\n", "write 0 for what is as usual"),
        ("1,2\n", "0,1,\n", "Line 1 has no finite number"),
    ],
)
def test_bad_data_is_named(container: Callable[..., Any], train: str, test: str, reason: str) -> None:
    made = container("randomcutforest", "scikit-learn")
    made.job(HYPERPARAMETERS, train=UNLABELLED, test="text/csv")
    made.write("input/data/train/part.csv", train)
    made.write("input/data/test/part.csv", test)
    assert made.train().returncode == 1
    assert made.failure().startswith("ClientError: ")
    assert reason in made.failure()
