"""Factorization machines through their class in the SDK v2, on sparse records."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sagemaker import FactorizationMachines
from sagemaker.amazon.amazon_estimator import RecordSet
from sagemaker.amazon.common import _write_recordio
from sagemaker.amazon.record_pb2 import Record
from sagemaker.deserializers import JSONDeserializer
from sagemaker.predictor import Predictor
from sagemaker.serializers import JSONSerializer

USERS, ITEMS, COUNT = 30, 20, 2000


@pytest.fixture(scope="module")
def ratings() -> tuple[np.ndarray, np.ndarray]:
    """The columns of a user and of an item in a row; who likes what is told by the product of their two factors."""
    random = np.random.default_rng(0)
    users, items = random.integers(0, USERS, COUNT), random.integers(0, ITEMS, COUNT)
    likes = (random.normal(size=(USERS, 2))[users] * random.normal(size=(ITEMS, 2))[items]).sum(axis=1) > 0
    return np.column_stack([users, USERS + items]), likes.astype("float32")


def dense(columns: np.ndarray) -> np.ndarray:
    """The rows with a one in each of their columns."""
    return np.eye(USERS + ITEMS, dtype="float32")[columns].sum(axis=1)


def records(columns: np.ndarray, labels: np.ndarray) -> bytes:
    """As `write_spmatrix_to_sparse_tensor` writes them, which wants SciPy."""
    file = io.BytesIO()
    for keys, label in zip(columns, labels, strict=True):
        record = Record()
        tensor = record.features["values"].float32_tensor
        tensor.values.extend([1.0, 1.0])
        tensor.keys.extend(keys.tolist())
        tensor.shape.append(USERS + ITEMS)
        record.label["values"].float32_tensor.values.append(label)
        _write_recordio(file, record.SerializeToString())
    return file.getvalue()


@pytest.fixture(scope="module")
def estimator(
    about: dict[str, Any], session: Any, bucket: str, ratings: tuple[np.ndarray, np.ndarray]
) -> FactorizationMachines:
    sets = []
    for channel, part in (("train", slice(1500)), ("test", slice(1500, COUNT))):
        body = records(ratings[0][part], ratings[1][part])
        session.boto_session.client("s3").put_object(Bucket=bucket, Key=f"fm/{channel}/part-0", Body=body)
        uri = f"s3://{bucket}/fm/{channel}"
        sets.append(RecordSet(uri, len(ratings[0][part]), USERS + ITEMS, s3_data_type="S3Prefix", channel=channel))
    made = FactorizationMachines(
        num_factors=4,
        predictor_type="binary_classifier",
        epochs=40,
        factors_lr=0.02,
        linear_lr=0.02,
        factors_init_sigma=0.1,
        **about,
    )
    made.fit(sets, mini_batch_size=100, logs=False)
    return made


def test_the_metrics_are_told(estimator: FactorizationMachines, told: Callable[[Any], dict[str, float]]) -> None:
    metrics = told(estimator)
    assert metrics["test:binary_classification_accuracy"] > 0.9
    assert {"test:binary_classification_cross_entropy", "test:binary_f_beta"} <= set(metrics)


def test_sparse_rows_and_records_get_the_scores_of_the_model(
    estimator: FactorizationMachines,
    session: Any,
    members: Callable[[str], dict[str, bytes]],
    ratings: tuple[np.ndarray, np.ndarray],
    deploy: Callable[..., Any],
    delete: Callable[..., None],
) -> None:
    columns = ratings[0][1500:1520]
    model = np.load(io.BytesIO(members(estimator.model_data)["model.npz"]))
    pairs = model["factors"][columns].prod(axis=1).sum(axis=1)
    expected = 1 / (1 + np.exp(-(model["bias"] + model["linear"][columns].sum(axis=1) + pairs)))
    predictor = deploy(estimator)
    scores = [each.label["score"].float32_tensor.values[0] for each in predictor.predict(dense(columns))]
    plain = Predictor(predictor.endpoint_name, session, JSONSerializer(), JSONDeserializer())
    asked = [
        {"data": {"features": {"keys": keys.tolist(), "values": [1, 1], "shape": [USERS + ITEMS]}}} for keys in columns
    ]
    answers = plain.predict({"instances": asked})["predictions"]
    delete(predictor)
    np.testing.assert_allclose(scores, expected, rtol=1e-3)
    np.testing.assert_allclose([each["score"] for each in answers], expected, rtol=1e-3)
    assert [each["predicted_label"] for each in answers] == [int(score > 0.5) for score in expected]


def test_a_batch_of_dense_rows(
    estimator: FactorizationMachines,
    transformed: Callable[..., str],
    ratings: tuple[np.ndarray, np.ndarray],
) -> None:
    lines = [f'{{"features": {row.astype(int).tolist()}}}' for row in dense(ratings[0][:100])]
    found = transformed(
        estimator, "fm", "\n".join(lines), content_type="application/jsonlines", accept="application/jsonlines"
    )
    classes = np.array([float(line.rpartition(":")[2].strip(" }")) for line in found.split("\n") if line])
    assert np.mean(classes == ratings[1][:100]) > 0.9
