"""The built-in XGBoost on one instance and on two, whose files are dealt out by key: the same model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sagemaker import image_uris
from sagemaker.deserializers import CSVDeserializer, JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer, LibSVMSerializer

CUT = 450


@pytest.fixture(scope="module")
def tumours(sample: Callable[[str], np.ndarray]) -> np.ndarray:
    """Whether it is benign first, then thirty measures."""
    return sample("breast-cancer.csv")


@pytest.fixture(scope="module")
def fitted(about: dict[str, Any], session: Any, bucket: str, tumours: np.ndarray) -> Callable[[int], Estimator]:
    """An estimator on so many instances."""
    s3 = session.boto_session.client("s3")
    for number, part in enumerate(np.array_split(tumours[:CUT], 5)):
        body = "".join(",".join(f"{value:.4g}" for value in row) + "\n" for row in part)
        s3.put_object(Bucket=bucket, Key=f"tumours/train/part-{number}.csv", Body=body.encode())
    held = "".join(",".join(f"{value:.4g}" for value in row) + "\n" for row in tumours[CUT:])
    s3.put_object(Bucket=bucket, Key="tumours/validation/rows.csv", Body=held.encode())

    def fitted(instances: int) -> Estimator:
        image = image_uris.retrieve("xgboost", session.boto_region_name, version="1.7-1")
        made = Estimator(image, **{**about, "instance_count": instances})
        made.set_hyperparameters(objective="binary:logistic", num_round=10, max_depth=3, eval_metric="auc,accuracy")
        train = TrainingInput(f"s3://{bucket}/tumours/train/", content_type="text/csv", distribution="ShardedByS3Key")
        validation = TrainingInput(f"s3://{bucket}/tumours/validation/", content_type="text/csv")
        made.fit({"train": train, "validation": validation}, logs=False)
        return made

    return fitted


@pytest.fixture(scope="module")
def estimator(fitted: Callable[[int], Estimator]) -> Estimator:
    return fitted(2)


@pytest.fixture(scope="module")
def predictor(estimator: Estimator, deploy: Callable[..., Any], delete: Callable[..., None]) -> Iterator[Any]:
    made = deploy(estimator, serializer=CSVSerializer(), deserializer=CSVDeserializer())
    yield made
    delete(made)


@pytest.fixture(scope="module")
def odds(estimator: Estimator, outside: Callable[..., Any], tumours: np.ndarray) -> list[float]:
    """What XGBoost itself says of the rows that were held back."""
    code = "import numpy, xgboost; model = xgboost.Booster(model_file='xgboost-model')\n"
    code += "print(json.dumps(model.predict(xgboost.DMatrix(numpy.array(given[0]))).tolist()))"
    said: list[float] = outside(estimator, "xgboost", code, tumours[CUT:, 1:].tolist())
    return said


def test_two_instances_learn_what_one_does(
    estimator: Estimator, fitted: Callable[[int], Estimator], members: Callable[[str], dict[str, bytes]]
) -> None:
    assert members(estimator.model_data) == members(fitted(1).model_data)


def test_the_metrics_are_told(estimator: Estimator, told: Callable[[Any], dict[str, float]]) -> None:
    metrics = told(estimator)
    assert metrics["validation:auc"] > 0.95
    assert metrics["validation:accuracy"] > 0.9


def test_rows_get_the_odds_of_the_model(predictor: Any, session: Any, tumours: np.ndarray, odds: list[float]) -> None:
    rows = tumours[CUT:, 1:]
    said = [float(cell) for row in predictor.predict(rows) for cell in row]
    assert said == pytest.approx(odds, abs=1e-5)
    lines = "\n".join("0 " + " ".join(f"{column}:{value:.6g}" for column, value in enumerate(row)) for row in rows[:5])
    plain = Predictor(predictor.endpoint_name, session, LibSVMSerializer(), JSONDeserializer())
    answers = plain.predict(lines)["predictions"]
    assert [answer["score"] for answer in answers] == pytest.approx(odds[:5], abs=1e-5)


def test_a_batch(estimator: Estimator, transformed: Callable[..., Any], tumours: np.ndarray, odds: list[float]) -> None:
    text = "".join(",".join(f"{value:.4g}" for value in row) + "\n" for row in tumours[CUT:, 1:])
    said = transformed(estimator, "tumours-batch", text, content_type="text/csv", accept="text/csv").split()
    assert [float(line) for line in said] == pytest.approx(odds, abs=1e-5)
