"""Linear Learner in its environment: what it learns beside scikit-learn's own, and data that are wrong."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

# Prints the measure of scikit-learn's own model of the rows in the channels, labels first, and writes no file.
LIBRARY = """
import sys, numpy as np
from sklearn import linear_model, pipeline, preprocessing
train, test = (np.loadtxt(f"{sys.argv[1]}/input/data/{name}/part-0.csv", delimiter=",") for name in ("train", "test"))
made = pipeline.make_pipeline(preprocessing.StandardScaler(), getattr(linear_model, sys.argv[2])())
print(made.fit(train[:, 1:], train[:, 0]).score(test[:, 1:], test[:, 0]))
"""
DATA = """
import sys, numpy as np
from sklearn import datasets
rows, labels = getattr(datasets, sys.argv[1])(return_X_y=True)
order = np.random.default_rng(0).permutation(len(rows))
for row in order:
    print(*[labels[row], *rows[row]], sep=",")
"""


def _csv(rows: list[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


@pytest.fixture
def learner(container: Any) -> Any:
    return container("linear-learner", "scikit-learn")


def _trained(learner: Any, data: str, **hyperparameters: str) -> dict[str, float]:
    """Train on seven tenths of one of scikit-learn's data sets; answer what is told last of each metric."""
    rows = learner.run("-c", DATA, data).stdout.split()
    cut = len(rows) * 7 // 10
    learner.job(hyperparameters, train="text/csv", test="text/csv")
    learner.write("input/data/train/part-0.csv", _csv(rows[:cut]))
    learner.write("input/data/test/part-0.csv", _csv(rows[cut:]))
    done = learner.train()
    assert done.returncode == 0, done.stderr
    told = re.findall(r"#quality_metric: host=algo-1,(?: epoch=\d+,)? (\w+ \w+) <\w+>=(\S+)", done.stdout)
    return {name: float(value) for name, value in told}


def _library(learner: Any, model: str) -> float:
    return float(learner.run("-W", "ignore", "-c", LIBRARY, str(learner.base), model).stdout)


def test_a_binary_classifier_is_as_good_as_the_library(learner: Any) -> None:
    told = _trained(learner, "load_breast_cancer", predictor_type="binary_classifier")
    assert told["test binary_classification_accuracy"] > _library(learner, "LogisticRegression") - 0.01
    assert told["test roc_auc_score"] > 0.98
    assert told["test objective_loss"] < 0.15
    assert {"test precision", "test recall", "test binary_f_beta"} <= set(told)
    with learner.serving() as invoke:
        row = (learner.base / "input/data/test/part-0.csv").read_text().split("\n")[0]
        label, _, features = row.partition(",")
        (answer,) = json.loads(invoke(features.encode(), "text/csv", "application/json").body)["predictions"]
        assert answer["predicted_label"] == int(label)
        assert 0 <= answer["score"] <= 1
        lines = invoke(features.encode(), "text/csv", "application/jsonlines").body
        assert json.loads(lines) == answer
        assert invoke(b"1,2\n", "text/csv").status == 400


def test_l1_drops_columns_and_a_target_moves_the_threshold(learner: Any) -> None:
    told = _trained(
        learner,
        "load_breast_cancer",
        predictor_type="binary_classifier",
        l1="0.01",
        binary_classifier_model_selection_criteria="precision_at_target_recall",
        target_recall="0.9",
    )
    assert told["train recall"] >= 0.9
    assert told["train precision"] > 0.97
    code = "import sys, numpy; print((numpy.load(sys.argv[1])['weights'] == 0).sum())"
    assert int(learner.run("-c", code, str(learner.base / "model/model.npz")).stdout) > 5


def test_several_classes(learner: Any) -> None:
    told = _trained(learner, "load_iris", predictor_type="multiclass_classifier", num_classes="3", accuracy_top_k="2")
    assert told["test multiclass_accuracy"] > _library(learner, "LogisticRegression") - 0.03
    assert told["test multiclass_top_k_accuracy"] >= told["test multiclass_accuracy"]
    with learner.serving() as invoke:
        (answer,) = json.loads(invoke(b"5.1,3.5,1.4,0.2\n", "text/csv").body)["predictions"]
    assert answer["predicted_label"] == 0
    assert sum(answer["score"]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "loss", ["auto", "absolute_loss", "huber_loss", "quantile_loss", "eps_insensitive_squared_loss"]
)
def test_every_kind_of_regression(learner: Any, loss: str) -> None:
    told = _trained(learner, "load_diabetes", predictor_type="regressor", loss=loss, num_models="2", l1="1e-5")
    assert told["test r2"] > _library(learner, "LinearRegression") - 0.03


def test_libsvm_is_refused(learner: Any) -> None:
    learner.job({"predictor_type": "regressor"}, train="text/libsvm")
    assert learner.train().returncode == 1
    assert "not an accepted ContentType" in learner.failure()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("", "holds no data"),
        ("1,2\n0,3,4\n", "Line 2 has 3 columns"),
        ("1,x\n", "Line 1 is not CSV of numbers"),
        ("1,2\n0,\n", "Line 2 has no finite number as feature 1"),
        (",2\n0,3\n", "Line 1 has no label"),
        ("1,2\n2,3\n", "Line 2 has the label 2: a binary_classifier's labels are whole numbers from 0 to 1"),
        ("1,2\n1,3\n", "all rows have the same label"),
        ("1\n0\n", "needs a label and a feature"),
    ],
)
def test_data_that_are_wrong(learner: Any, data: str, told: str) -> None:
    learner.job({"predictor_type": "binary_classifier"}, train="text/csv")
    learner.write("input/data/train/part-0.csv", data)
    assert learner.train().returncode == 1
    assert told in learner.failure()
    assert learner.failure().startswith("ClientError: ")


@pytest.mark.parametrize(
    ("predictor", "labels"), [("regressor", ("7", "5", "9", "3")), ("binary_classifier", ("1", "1", "1", "0"))]
)
def test_without_a_bias_the_function_goes_through_the_origin(
    learner: Any, predictor: str, labels: tuple[str, ...]
) -> None:
    learner.job({"predictor_type": predictor, "use_bias": "False", "normalize_data": "auto"}, train="text/csv")
    rows = ("1,2", "2,1", "3,2", "4,-1")
    learner.write(
        "input/data/train/part-0.csv", _csv([f"{label},{row}" for label, row in zip(labels, rows, strict=True)])
    )
    done = learner.train()
    assert done.returncode == 0, done.stderr
    code = "import sys, numpy; model = numpy.load(sys.argv[1]); print(model['bias'], bool(model['weights'].all()))"
    assert learner.run("-c", code, str(learner.base / "model/model.npz")).stdout == "[0.] True\n"
