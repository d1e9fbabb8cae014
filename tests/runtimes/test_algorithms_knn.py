"""k-NN in its environment: every index beside scikit-learn's exact search, every answer, data that are wrong."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

# Digits: 1797 rows of 64 numbers, the label first.
DATA = """
import numpy as np
from sklearn import datasets
rows, labels = datasets.load_digits(return_X_y=True)
for row in np.random.default_rng(0).permutation(len(rows)):
    print(labels[row], *rows[row].astype(int), sep=",")
"""
GIVEN = {"feature_dim": "64", "k": "5", "predictor_type": "classifier", "sample_size": "5000"}


@pytest.fixture(scope="module")
def digits(container: Any) -> list[str]:
    rows: list[str] = container("knn", "knn").run("-c", DATA).stdout.split()
    return rows


@pytest.fixture
def learner(container: Any) -> Any:
    return container("knn", "knn")


def _trained(learner: Any, rows: list[str], **hyperparameters: str) -> float:
    learner.job({**GIVEN, **hyperparameters}, train="text/csv", test="text/csv")
    learner.write("input/data/train/part-0.csv", "\n".join(rows[:1400]))
    learner.write("input/data/test/part-0.csv", "\n".join(rows[1400:]))
    done = learner.train()
    assert done.returncode == 0, done.stderr
    (told,) = re.findall(r"test (?:accuracy <score>|mse <loss>)=(\S+)", done.stdout)
    return float(told)


@pytest.mark.parametrize(
    ("hyperparameters", "least"),
    [
        ({}, 0.97),
        ({"index_metric": "COSINE"}, 0.97),
        ({"index_type": "faiss.IVFFlat"}, 0.96),
        ({"index_type": "faiss.IVFPQ", "faiss_index_pq_m": "12"}, 0.95),
        ({"index_type": "faiss.IVFPQ", "faiss_index_pq_m": "12", "dimension_reduction_target": "30"}, 0.9),
        ({"dimension_reduction_target": "40", "dimension_reduction_type": "fjlt"}, 0.95),
        ({"sample_size": "300"}, 0.9),
    ],
)
def test_every_index(learner: Any, digits: list[str], hyperparameters: dict[str, str], least: float) -> None:
    if "dimension_reduction_target" in hyperparameters:
        hyperparameters = {"dimension_reduction_type": "sign", **hyperparameters}
    assert _trained(learner, digits, **hyperparameters) > least


def test_the_answers_are_scikit_learns(learner: Any, digits: list[str]) -> None:
    assert _trained(learner, digits, predictor_type="regressor") < 1
    code = """
import sys, numpy as np
from sklearn import neighbors
rows = np.loadtxt(f"{sys.argv[1]}/input/data/train/part-0.csv", delimiter=",")
asked = np.loadtxt(f"{sys.argv[1]}/input/data/test/part-0.csv", delimiter=",")[:3, 1:]
made = neighbors.KNeighborsRegressor(5).fit(rows[:, 1:], rows[:, 0])
print([made.predict(asked).tolist(), *(found.tolist() for found in made.kneighbors(asked))])
"""
    predicted, distances, places = json.loads(learner.run("-c", code, str(learner.base)).stdout)
    labels = [[float(digits[place][0]) for place in row] for row in places]
    asked = "\n".join(row.partition(",")[2] for row in digits[1400:1403]).encode()
    with learner.serving() as invoke:
        plain = json.loads(invoke(asked, "text/csv", "application/json").body)
        assert [each["predicted_label"] for each in plain["predictions"]] == pytest.approx(predicted)
        assert set(plain["predictions"][0]) == {"predicted_label"}
        lines = invoke(asked, "text/csv", "application/jsonlines; verbose=true").body.splitlines()
        answers = [json.loads(line) for line in lines]
        for answer, there in zip(answers, distances, strict=True):
            assert answer["distances"] == pytest.approx(there, rel=1e-4)
        assert [sorted(answer["labels"]) for answer in answers] == [sorted(row) for row in labels]
        assert b"distances" in invoke(asked, "text/csv", "application/x-recordio-protobuf; verbose=true").body
        assert invoke(b"1,2,3\n", "text/csv").status == 400
    code = "import sys, faiss; print(faiss.read_index(sys.argv[1]).ntotal)"
    assert int(learner.run("-c", code, str(learner.base / "model/index.faiss")).stdout) == 1400


@pytest.mark.parametrize(
    ("hyperparameters", "data", "told"),
    [
        ({}, "", "holds no data"),
        ({}, "1,2\n", "Line 1 has 1 features, and 2 are expected"),
        ({}, "1,2,3\n0,x,1\n", "Line 2 is not CSV of numbers"),
        ({}, "1,2,3\n,2,1\n", "Line 2 has no label"),
        ({"k": "3"}, "1,2,3\n0,2,1\n", "k is 3, but channel train has 2 rows only"),
        (
            {"index_type": "faiss.IVFFlat", "faiss_index_ivf_nlists": "9"},
            "1,2,3\n",
            "nlists is 9, but there are 1 rows",
        ),
        ({"index_type": "faiss.IVFPQ", "faiss_index_pq_m": "2"}, "1,2,3\n", "needs 256 rows at the least"),
    ],
)
def test_data_that_are_wrong(learner: Any, hyperparameters: dict[str, str], data: str, told: str) -> None:
    learner.job({**GIVEN, "feature_dim": "2", "k": "1", **hyperparameters}, train="text/csv")
    learner.write("input/data/train/part-0.csv", data)
    assert learner.train().returncode == 1
    assert told in learner.failure()
    assert learner.failure().startswith("ClientError: ")
