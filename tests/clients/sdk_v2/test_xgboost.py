"""XGBoost with the SDK v2: the framework's script mode, and the built-in algorithm."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
import sagemaker
from sagemaker.deserializers import CSVDeserializer, JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer, JSONSerializer
from sagemaker.xgboost import XGBoost

CLIENTS = Path(__file__).parents[1]
ROOT = CLIENTS.parents[1]


@pytest.fixture(scope="module")
def label_first(session: Any) -> str:
    """The housing data as the built-in algorithm wants them: what to predict comes first."""
    lines = (ROOT / "examples/housing.csv").read_text().splitlines()
    turned = [",".join([cells[-1], *cells[:-1]]) for cells in (line.split(",") for line in lines)]
    bucket = session.default_bucket()
    boto3.client("s3").put_object(Bucket=bucket, Key="label-first/train.csv", Body="\n".join(turned))
    return f"s3://{bucket}/label-first/"


def test_a_script_trains_and_serves_in_its_own_way(
    session: Any, role: str, uploaded: str, rows: Any, deploy: Callable[..., Any], delete: Callable[..., None]
) -> None:
    estimator = XGBoost(
        entry_point=str(CLIENTS / "scripts/xgboost_housing.py"),
        framework_version="1.7-1",
        role=role,
        instance_count=1,
        instance_type="ml.m5.large",
        hyperparameters={"num-round": 10},
        sagemaker_session=session,
    )
    estimator.fit({"train": uploaded}, logs=False)
    predictor = deploy(estimator, serializer=JSONSerializer(), deserializer=JSONDeserializer())
    assert all(5 < price < 50 for price in predictor.predict(rows)["prices"])
    predictor.serializer = CSVSerializer()
    with pytest.raises(Exception, match="send JSON, not text/csv"):
        predictor.predict(rows)
    delete(predictor)


@pytest.fixture(scope="module")
def built_in(session: Any, role: str, label_first: str) -> Estimator:
    """The built-in algorithm, fitted on CSV."""
    estimator = Estimator(
        image_uri=sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, version="1.7-1"),
        role=role,
        instance_count=1,
        instance_type="ml.m5.xlarge",
        output_path=f"s3://{session.default_bucket()}/built-in",
        hyperparameters={"objective": "reg:squarederror", "num_round": 20, "max_depth": 4},
        sagemaker_session=session,
    )
    channel = TrainingInput(label_first, content_type="text/csv")
    estimator.fit({"train": channel, "validation": channel}, logs=False)
    return estimator


def test_the_built_in_algorithm_leaves_its_model_and_its_metrics(built_in: Estimator) -> None:
    told = built_in.latest_training_job.describe()
    assert (
        built_in.model_data
        == f"{told['OutputDataConfig']['S3OutputPath']}/{told['TrainingJobName']}/output/model.tar.gz"
    )
    metrics = {metric["MetricName"]: metric["Value"] for metric in told["FinalMetricDataList"]}
    assert metrics["train:rmse"] == pytest.approx(metrics["validation:rmse"])
    assert metrics["train:rmse"] < 5


def test_the_built_in_algorithm_predicts_from_csv(
    built_in: Estimator, rows: Any, deploy: Callable[..., Any], delete: Callable[..., None]
) -> None:
    predictor = deploy(built_in, serializer=CSVSerializer(), deserializer=CSVDeserializer())
    prices = [float(value) for line in predictor.predict(rows) for value in line]
    assert len(prices) == 3
    assert all(5 < price < 50 for price in prices)
    delete(predictor)


def test_bad_hyperparameters_fail_the_job_with_the_algorithms_words(
    session: Any, role: str, label_first: str, built_in: Estimator
) -> None:
    estimator = Estimator(
        built_in.training_image_uri(),
        role,
        1,
        "ml.m5.large",
        sagemaker_session=session,
        hyperparameters={"objective": "reg:squarederror"},
    )
    with pytest.raises(Exception, match="num_round"):
        estimator.fit({"train": TrainingInput(label_first, content_type="text/csv")}, logs=False)


def test_the_built_in_job_is_attached(built_in: Estimator, session: Any) -> None:
    attached = Estimator.attach(built_in.latest_training_job.name, sagemaker_session=session)
    assert attached.model_data == built_in.model_data
    assert attached.hyperparameters()["num_round"] == "20"
