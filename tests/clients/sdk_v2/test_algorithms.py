"""The built-in algorithms through their classes in the SDK v2: record_set, fit, deploy, predict; the model outside."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sagemaker import LDA, PCA, KMeans
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


class TestPCA:
    """Points along a line, a little beside it."""

    @pytest.fixture(scope="class")
    def rows(self) -> np.ndarray:
        random = np.random.default_rng(0)
        along = random.normal(0, 10, (200, 1)) * np.array([[3.0, 4.0, 0.0]])
        return (along + random.normal(0, 0.1, (200, 3)) + 5).astype("float32")

    @pytest.fixture(scope="class")
    def estimator(self, about: dict[str, Any], rows: np.ndarray) -> PCA:
        made = PCA(num_components=2, **about)
        made.fit(made.record_set(rows), logs=False)
        return made

    def test_the_last_coordinate_is_the_one_that_tells_most(
        self, estimator: PCA, rows: np.ndarray, deploy: Callable[..., Any], delete: Callable[..., None]
    ) -> None:
        predictor = deploy(estimator)
        answers = predictor.predict(rows[:50])
        projected = np.array([answer.label["projection"].float32_tensor.values for answer in answers])
        delete(predictor)
        assert projected.shape == (50, 2)
        along = (rows[:50] - rows.mean(axis=0)) @ [0.6, 0.8, 0.0]
        assert abs(np.corrcoef(projected[:, 1], along)[0, 1]) > 0.999


class TestLDA:
    """Documents of two vocabularies."""

    @pytest.fixture(scope="class")
    def documents(self) -> np.ndarray:
        random = np.random.default_rng(0)
        one, other = [0.25] * 4 + [0.0] * 4, [0.0] * 4 + [0.25] * 4
        return np.array([random.multinomial(50, one if row % 2 else other) for row in range(100)], "float32")

    def test_a_batch_of_documents_gets_its_topics(
        self, about: dict[str, Any], session: Any, bucket: str, documents: np.ndarray
    ) -> None:
        made = LDA(num_topics=2, **{name: value for name, value in about.items() if name != "instance_count"})
        made.fit(made.record_set(documents), mini_batch_size=100, logs=False)
        text = "\n".join(",".join(str(int(count)) for count in row) for row in documents[:4])
        session.boto_session.client("s3").put_object(Bucket=bucket, Key="lda/in/documents.csv", Body=text)
        transformer = made.transformer(1, "ml.m5.large", output_path=f"s3://{bucket}/lda/out", accept="text/csv")
        transformer.transform(f"s3://{bucket}/lda/in/", content_type="text/csv", split_type="Line", logs=False)
        body = session.boto_session.client("s3").get_object(Bucket=bucket, Key="lda/out/documents.csv.out")["Body"]
        topics = np.array([line.split(",") for line in body.read().decode().split()], float).argmax(axis=1)
        assert list(topics[:2]) == list(topics[2:])
        assert topics[0] != topics[1]
