"""Factorization machines in their environment: ratings that only products of factors tell, and wrong data."""

from __future__ import annotations

import json
import re
import struct
from typing import Any

import pytest

from sagewright_container import recordio

# Users and items, one of each in a row: the label is the product of their factors. Prints the R2 of a linear model.
DATA = """
import sys, numpy as np
from scipy import sparse
from sklearn.linear_model import Ridge
random = np.random.default_rng(0)
users, items = random.integers(0, 30, 2000), random.integers(0, 20, 2000)
labels = (random.normal(size=(30, 2))[users] * random.normal(size=(20, 2))[items]).sum(axis=1)
if sys.argv[1] == "binary_classifier":
    labels = (labels > 0).astype(float)
rows = sparse.csr_matrix((np.ones(4000), np.column_stack([users, 30 + items]).ravel(), np.arange(0, 4001, 2)))
import json
linear = Ridge().fit(rows[:1500], labels[:1500]).score(rows[1500:], labels[1500:])
print(json.dumps([linear, users.tolist(), (30 + items).tolist(), labels.tolist()]))
"""
GIVEN = {"feature_dim": "50", "num_factors": "4", "epochs": "40", "mini_batch_size": "100"}
FAST = {"factors_lr": "0.02", "linear_lr": "0.02", "factors_init_sigma": "0.1"}


def _record(label: float, keys: list[int], width: int) -> bytes:
    """A sparse row of ones, written by hand as SageMaker's SDK writes it."""

    def field(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    values = field(1, struct.pack(f"<{len(keys)}f", *[1.0] * len(keys)))
    tensor = values + field(2, bytes(keys)) + field(3, bytes([width]))
    payload = field(1, field(1, b"values") + field(2, field(2, tensor)))
    payload += field(2, field(1, b"values") + field(2, field(2, field(1, struct.pack("<f", label)))))
    return struct.pack("<II", recordio.MAGIC, len(payload)) + payload + bytes(-len(payload) % 4)


@pytest.fixture
def learner(container: Any) -> Any:
    return container("factorization-machines", "scikit-learn")


def _trained(learner: Any, kind: str) -> tuple[float, dict[str, float], list[list[int]], list[float]]:
    linear, users, items, labels = json.loads(learner.run("-c", DATA, kind).stdout)
    pairs = [list(pair) for pair in zip(users, items, strict=True)]
    records = [_record(label, pair, 50) for label, pair in zip(labels, pairs, strict=True)]
    learner.job({**GIVEN, **FAST, "predictor_type": kind}, train="application/x-recordio-protobuf", test="")
    learner.write("input/data/train/part-0", b"".join(records[:1500]))
    learner.write("input/data/test/part-0", b"".join(records[1500:]))
    done = learner.train()
    assert done.returncode == 0, done.stderr
    told = re.findall(r"#quality_metric: host=algo-1,(?: epoch=\d+,)? (\w+ \w+) <\w+>=(\S+)", done.stdout)
    return linear, {name: float(value) for name, value in told}, pairs, labels


def test_ratings_that_a_linear_model_cannot_tell(learner: Any) -> None:
    linear, told, pairs, labels = _trained(learner, "regressor")
    assert linear < 0.2
    mean = sum(labels) / len(labels)
    spread = sum((label - mean) ** 2 for label in labels) / len(labels)
    assert told["test rmse"] ** 2 < 0.1 * spread
    assert told["train rmse"] < told["test rmse"] * 1.1
    instances = [{"data": {"features": {"values": [1, 1], "keys": pair, "shape": [50]}}} for pair in pairs[:3]]
    with learner.serving() as invoke:
        answers = json.loads(invoke(json.dumps({"instances": instances}).encode(), "application/json").body)
        assert [each["score"] for each in answers["predictions"]] == pytest.approx(labels[:3], abs=1)
        dense = [{"features": [float(column in pairs[0]) for column in range(50)]}]
        again = json.loads(invoke(json.dumps({"instances": dense}).encode(), "application/json").body)
        assert again["predictions"][0]["score"] == pytest.approx(answers["predictions"][0]["score"], abs=1e-4)
        wide = {"instances": [{"data": {"features": {"values": [1], "keys": [50], "shape": [51]}}}]}
        assert invoke(json.dumps(wide).encode(), "application/json").status == 400


def test_classes(learner: Any) -> None:
    _, told, pairs, labels = _trained(learner, "binary_classifier")
    assert told["test binary_classification_accuracy"] > 0.9
    assert told["test binary_f_beta"] > 0.9
    assert told["test binary_classification_cross_entropy"] < 0.3
    with learner.serving() as invoke:
        record = _record(labels[0], pairs[0], 50)
        answer = json.loads(invoke(record, "application/x-recordio-protobuf", "application/jsonlines").body)
    assert answer["predicted_label"] == int(answer["score"] > 0.5)


@pytest.mark.parametrize(
    ("hyperparameters", "records", "told"),
    [
        ({}, [], "holds no data"),
        ({}, [(2, [1])], "Record 1 has the label 2: a binary_classifier's labels are 0 and 1"),
        ({}, [(1, [1]), (1, [2])], "all rows have the same label"),
        ({}, [(1, [1]), (0, [60])], "Record 2 has a value in column 60, counted from 0, and 50 are expected"),
        ({}, [(float("nan"), [1])], "Record 1 has no label"),
        (
            {"predictor_type": "regressor", "linear_lr": "1e30", "factors_lr": "1e30", "mini_batch_size": "1"},
            [(1, [1, 2]), (0, [1, 2])],
            "The loss became infinite",
        ),
    ],
)
def test_data_that_are_wrong(learner: Any, hyperparameters: dict[str, str], records: Any, told: str) -> None:
    learner.job({**GIVEN, "predictor_type": "binary_classifier", **hyperparameters}, train="")
    learner.write("input/data/train/part-0", b"".join(_record(label, keys, 50) for label, keys in records))
    assert learner.train().returncode == 1
    assert told in learner.failure()
    assert learner.failure().startswith("ClientError: ")


def test_text_is_refused(learner: Any) -> None:
    learner.job({**GIVEN, "predictor_type": "regressor"}, train="text/csv")
    assert learner.train().returncode == 1
    assert "text/csv is not an accepted ContentType" in learner.failure()
