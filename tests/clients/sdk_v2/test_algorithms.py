"""The built-in algorithms through their classes in the SDK v2: record_set, fit, deploy, predict; the model outside."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sagemaker import KMeans
from sagemaker.deserializers import JSONDeserializer
from sagemaker.serializers import CSVSerializer


@pytest.fixture(scope="module")
def about(session: Any, role: str) -> dict[str, Any]:
    return {"role": role, "instance_count": 1, "instance_type": "ml.m5.large", "sagemaker_session": session}


def members(session: Any, uri: str) -> dict[str, bytes]:
    """The files of a model."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    data = session.boto_session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = {member.name: archive.extractfile(member) for member in archive.getmembers() if member.isfile()}
        return {name: file.read() for name, file in found.items() if file is not None}


class TestKMeans:
    """Three groups of points, far from each other."""

    CENTERS = np.array([[0, 0], [10, 0], [0, 10]], "float32")

    @pytest.fixture(scope="class")
    def points(self) -> np.ndarray:
        random = np.random.default_rng(0)
        return (self.CENTERS[np.arange(300) % 3] + random.normal(0, 0.5, (300, 2))).astype("float32")

    @pytest.fixture(scope="class")
    def estimator(self, about: dict[str, Any], points: np.ndarray) -> KMeans:
        made = KMeans(k=3, **about)
        made.fit([made.record_set(points), made.record_set(points[:30], channel="test")], logs=False)
        return made

    @pytest.fixture(scope="class")
    def predictor(self, estimator: KMeans, deploy: Callable[..., Any], delete: Callable[..., None]) -> Iterator[Any]:
        made = deploy(estimator)
        yield made
        delete(made)

    def test_points_of_a_group_have_the_same_center(self, predictor: Any, points: np.ndarray) -> None:
        answers = predictor.predict(points[:9])
        closest = [answer.label["closest_cluster"].float32_tensor.values[0] for answer in answers]
        assert closest == closest[:3] * 3
        assert len(set(closest)) == 3

    def test_rows_of_text_get_records_of_json(self, predictor: Any, session: Any, points: np.ndarray) -> None:
        from sagemaker.predictor import Predictor

        plain = Predictor(predictor.endpoint_name, session, CSVSerializer(), JSONDeserializer())
        (answer,) = plain.predict(points[:1])["predictions"]
        assert set(answer) == {"closest_cluster", "distance_to_cluster"}
        assert answer["distance_to_cluster"] < 3

    def test_the_metrics_are_told(self, estimator: KMeans) -> None:
        told = {
            each["MetricName"]: each["Value"]
            for each in estimator.latest_training_job.describe()["FinalMetricDataList"]
        }
        assert 0.3 < told["test:msd"] < 0.7

    def test_the_model_is_scikit_learns(self, estimator: KMeans, session: Any) -> None:
        assert list(members(session, estimator.model_data)) == ["model.joblib"]
