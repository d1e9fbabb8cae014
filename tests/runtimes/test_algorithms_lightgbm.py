"""LightGBM as a built-in algorithm: classes and numbers, categories, bad requests, the model outside."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

CLASSIFICATION, REGRESSION = "lightgbm-classification-model", "lightgbm-regression-model"


def _csv(rows: list[list[Any]]) -> str:
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


@pytest.fixture(scope="module")
def trained(priced: Callable[..., Any]) -> Any:
    return priced(REGRESSION, "lightgbm", num_boost_round="30")


@pytest.fixture(scope="module")
def colours(coloured: Callable[..., Any]) -> Any:
    return coloured(CLASSIFICATION, "lightgbm", num_boost_round="20", min_data_in_leaf="1")


@pytest.fixture(scope="module")
def invoke(colours: Any) -> Iterator[Any]:
    with colours.serving() as invoke:
        yield invoke


def test_rounds_are_told_so_that_the_published_expression_finds_them(trained: Any) -> None:
    assert "[30]\tvalidation's rmse: " in trained.said


def test_lightgbm_itself_loads_the_model_and_predicts_as_the_endpoint(trained: Any, housing: list[list[float]]) -> None:
    with trained.serving() as invoke:
        answer = invoke(_csv([row[1:] for row in housing[:3]]), "text/csv")
        lines = invoke(_csv([row[1:] for row in housing[:3]]), "text/csv", "text/csv")
    rows = repr([row[1:] for row in housing[:3]])
    predicted = json.loads(answer.body)["prediction"]
    assert predicted == pytest.approx([float(line) for line in lines.body.split()])
    outside = trained.run(
        "-c",
        "import sys, numpy, lightgbm\n"
        "booster = lightgbm.Booster(model_file=sys.argv[1])\n"
        f"print(booster.predict(numpy.array({rows})).tolist())",
        str(trained.base / "model/model.txt"),
    )
    assert json.loads(outside.stdout) == pytest.approx(predicted)
    assert predicted == pytest.approx([24.0, 21.6, 34.7], abs=5)


def test_classes_have_probabilities_and_labels(invoke: Any) -> None:
    answer = invoke("red,0\nblue,0\nblue,1\n", "text/csv", "application/json;verbose")
    told = json.loads(answer.body)
    assert told["labels"] == [1, 5, 9]
    assert told["predicted_label"] == [1, 5, 9]
    assert [sum(row) for row in told["probabilities"]] == pytest.approx([1, 1, 1])
    assert set(json.loads(invoke("red,0\n", "text/csv").body)) == {"probabilities"}


def test_a_word_that_was_never_seen_is_missing(invoke: Any) -> None:
    assert invoke("green,0\n", "text/csv").body == invoke(",0\n", "text/csv").body


@pytest.mark.parametrize(
    ("body", "content_type", "status", "words"),
    [
        ("red\n", "text/csv", 400, "1 features, the model 2"),
        ("red,0\nred\n", "text/csv", 400, "Line 2 has 1 columns"),
        ("red,big\n", "text/csv", 400, "'big' is no number"),
        ("", "text/csv", 400, "no rows"),
        ("{}", "application/json", 415, "application/json is not supported"),
    ],
)
def test_requests_that_cannot_be_answered(invoke: Any, body: str, content_type: str, status: int, words: str) -> None:
    answer = invoke(body, content_type)
    assert answer.status == status
    assert words in answer.body.decode()


def test_a_stopped_job_leaves_the_rounds_it_has(container: Callable[..., Any], housing: list[list[float]]) -> None:
    made = container(REGRESSION, "lightgbm")
    made.job({"num_boost_round": "100000", "early_stopping_rounds": "0"}, train="text/csv")
    made.write("input/data/train/data.csv", _csv(housing))
    with made.started("train") as process:
        for line in process.stdout:
            if line.startswith("[2]"):
                process.send_signal(signal.SIGTERM)
                break
        process.stdout.read()
        assert process.wait(60) == 0
    assert (made.base / "model/model.txt").stat().st_size
