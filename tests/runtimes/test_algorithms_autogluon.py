"""AutoGluon as a built-in algorithm: classes and numbers, categories, the predictor outside, jobs that are stopped."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

CLASSIFICATION, REGRESSION = "autogluon-classification-ensemble", "autogluon-regression-ensemble"


def _csv(rows: list[list[Any]]) -> str:
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


@pytest.fixture(scope="module")
def trained(priced: Callable[..., Any]) -> Any:
    return priced(REGRESSION, "autogluon", presets="optimize_for_deployment")


@pytest.fixture(scope="module")
def colours(coloured: Callable[..., Any]) -> Any:
    return coloured(CLASSIFICATION, "autogluon", verbosity="0")


@pytest.fixture(scope="module")
def invoke(colours: Any) -> Iterator[Any]:
    with colours.serving() as invoke:
        yield invoke


def test_scores_are_told_and_the_best_one_last(trained: Any, colours: Any) -> None:
    told = re.findall(r"Validation root_mean_squared_error: ([0-9.e+-]+) \((\w+)\)", trained.said)
    scores = {name: float(value) for value, name in told[:-1]}
    assert {"LightGBM", "CatBoost", "XGBoost", "RandomForestMSE", "WeightedEnsemble_L2"} <= scores.keys()
    assert float(told[-1][0]) == min(scores.values())
    assert "Validation accuracy: 1 (" in colours.said


def test_nothing_is_said_of_what_was_left_out(trained: Any) -> None:
    assert "torch" not in trained.complained.lower().replace("pytorch version", "")
    assert "fastai" not in trained.complained.replace("['NN_TORCH', 'FASTAI']", "").lower()


def test_autogluon_itself_loads_the_model_and_predicts_as_the_endpoint(
    trained: Any, housing: list[list[float]]
) -> None:
    rows = [row[1:] for row in housing[:3]]
    with trained.serving() as invoke:
        predicted = json.loads(invoke(_csv(rows), "text/csv").body)["prediction"]
        lines = invoke(_csv(rows), "text/csv", "text/csv")
    assert predicted == pytest.approx([float(line) for line in lines.body.split()])
    code = "import sys, pandas; from autogluon.tabular import TabularPredictor\n"
    code += f"rows = pandas.DataFrame({rows!r}, columns=range(1, 14))\n"
    code += "print(TabularPredictor.load(sys.argv[1], verbosity=0).predict(rows).tolist())"
    outside = trained.run("-c", code, str(trained.base / "model"))
    assert json.loads(outside.stdout.splitlines()[-1]) == pytest.approx(predicted)
    assert predicted == pytest.approx([24.0, 21.6, 34.7], abs=5)


def test_classes_have_probabilities_and_labels(invoke: Any) -> None:
    told = json.loads(invoke("red,0\nblue,0\nblue,1\n", "text/csv", "application/json;verbose").body)
    assert told["labels"] == [1, 5, 9]
    assert told["predicted_label"] == [1, 5, 9]
    assert [sum(row) for row in told["probabilities"]] == pytest.approx([1, 1, 1])
    assert set(json.loads(invoke("red,0\n", "text/csv").body)) == {"probabilities"}


def test_a_word_that_was_never_seen_is_missing(invoke: Any) -> None:
    assert invoke("green,0\n", "text/csv").body == invoke(",0\n", "text/csv").body


def test_a_stopped_job_leaves_an_ensemble_of_the_models_it_has(
    container: Callable[..., Any], housing: list[list[float]]
) -> None:
    made = container(REGRESSION, "autogluon")
    made.job({"num_bag_folds": "10", "num_bag_sets": "20"}, train="text/csv")
    made.write("input/data/train/data.csv", _csv(housing))
    with made.started("train") as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Validation"):
                process.send_signal(signal.SIGTERM)
                break
        lines += process.stdout.readlines()
        assert process.wait(60) == 0
    fitted = re.findall(r"Validation \w+: \S+ \((\w+)\)", "".join(lines))
    assert len(set(fitted)) <= 3
    assert "Stopped" in "".join(lines)
    with made.serving() as invoke:
        (price,) = json.loads(invoke(_csv([housing[0][1:]]), "text/csv").body)["prediction"]
    assert price == pytest.approx(24, abs=8)
