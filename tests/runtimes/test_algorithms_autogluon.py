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
def colours(coloured: Callable[..., Any]) -> Any:
    return coloured(CLASSIFICATION, "autogluon", presets="optimize_for_deployment")


@pytest.fixture(scope="module")
def invoke(colours: Any) -> Iterator[Any]:
    with colours.serving() as invoke:
        yield invoke


def test_scores_are_told_and_the_best_one_last(colours: Any) -> None:
    told = re.findall(r"Validation accuracy: ([0-9.e+-]+) \((\w+)\)", colours.said)
    assert {"LightGBM", "CatBoost", "XGBoost", "RandomForestGini", "WeightedEnsemble_L2"} <= {name for _, name in told}
    assert float(told[-1][0]) == max(float(value) for value, _ in told)


def test_nothing_is_said_of_libraries_that_are_left_out(colours: Any) -> None:
    assert "Excluded models: [" in colours.complained
    unwanted = ("Failed to import", "pip install", "Traceback", "already exists")
    assert not [word for word in unwanted if word in colours.complained]


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
    made.job({"verbosity": "0"}, train="text/csv", validation="text/csv")
    made.write("input/data/train/data.csv", _csv(housing[:400]))
    made.write("input/data/validation/data.csv", _csv(housing[400:]))
    with made.started("train") as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Validation"):
                process.send_signal(signal.SIGTERM)
                break
        lines += process.stdout.readlines()
        assert process.wait(60) == 0
    fitted = re.findall(r"Validation root_mean_squared_error: \S+ \((\w+)\)", "".join(lines))
    assert len(set(fitted)) <= 8  # not all eight and the ensemble, however late the signal comes
    assert fitted[-1] in fitted[:-1]
    assert "Stopped" in "".join(lines)
    rows = [row[1:] for row in housing[:3]]
    with made.serving() as invoke:
        predicted = json.loads(invoke(_csv(rows), "text/csv").body)["prediction"]
        by_line = invoke(_csv(rows), "text/csv", "text/csv")
    assert predicted == pytest.approx([24.0, 21.6, 34.7], abs=8)
    assert predicted == pytest.approx([float(line) for line in by_line.body.split()])
