"""TensorFlow with the SDK v2: a script of today with Keras 3, and one of years ago with Keras 2."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from sagemaker.serializers import CSVSerializer
from sagemaker.tensorflow import TensorFlow, TensorFlowModel

SCRIPTS = Path(__file__).parents[1] / "scripts"
HANDLERS = """
import json

def input_handler(data, context):
    return json.dumps({"instances": json.loads(data.read())["houses"]})

def output_handler(response, context):
    return json.dumps({"prices": [row[0] for row in response.json()["predictions"]]}), context.accept_header
"""


def fitted(session: Any, role: str, uploaded: str, script: str, version: str, python: str) -> TensorFlow:
    made = TensorFlow(
        entry_point=script,
        source_dir=str(SCRIPTS),
        role=role,
        framework_version=version,
        py_version=python,
        instance_count=1,
        instance_type="ml.m5.large",
        hyperparameters={"epochs": 60},
        sagemaker_session=session,
    )
    made.fit({"train": uploaded}, logs=False)
    return made


@pytest.fixture(scope="module")
def keras_3(session: Any, role: str, uploaded: str) -> TensorFlow:
    return fitted(session, role, uploaded, "keras_3_housing.py", "2.19.0", "py312")


def test_keras_3_is_fitted_and_deployed(
    keras_3: TensorFlow, rows: Any, deploy: Callable[..., Any], delete: Callable[..., None]
) -> None:
    predictor = deploy(keras_3)
    prices = predictor.predict({"instances": rows})["predictions"]
    assert all(5 < price < 60 for (price,) in prices)
    assert predictor.predict({"inputs": rows}) == {"outputs": prices}
    assert predictor.predict(rows) == {"predictions": prices}
    predictor.serializer = CSVSerializer()
    assert predictor.predict(rows) == {"predictions": prices}
    delete(predictor)


def test_a_keras_2_script_gets_a_tensorflow_that_runs_it(
    session: Any, role: str, uploaded: str, rows: Any, deploy: Callable[..., Any], delete: Callable[..., None]
) -> None:
    estimator = fitted(session, role, uploaded, "keras_2_housing.py", "2.3.1", "py37")
    lines = boto3.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{estimator.latest_training_job.name}/"
    )["events"]
    said = [line["message"] for line in lines]
    assert any(line.startswith("sagewright: TensorFlow 2.3.1 was asked for; this runs 2.15.1") for line in said)
    assert any(line.startswith(f"weights are in {estimator.model_dir} ['checkpoint', 'weights.") for line in said)
    bucket, _, prefix = estimator.model_dir.removeprefix("s3://").partition("/")
    kept = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
    assert f"{prefix}/weights.index" in [each["Key"] for each in kept]
    predictor = deploy(estimator)
    assert all(5 < price < 60 for (price,) in predictor.predict({"instances": rows})["predictions"])
    delete(predictor)


def test_a_model_has_handlers_of_its_own(
    keras_3: TensorFlow,
    session: Any,
    role: str,
    rows: Any,
    tmp_path: Path,
    deploy: Callable[..., Any],
    delete: Callable[..., None],
) -> None:
    (tmp_path / "inference.py").write_text(HANDLERS)
    model = TensorFlowModel(
        model_data=keras_3.model_data,
        role=role,
        entry_point="inference.py",
        source_dir=str(tmp_path),
        framework_version="2.19.0",
        sagemaker_session=session,
    )
    predictor = deploy(model)
    assert len(predictor.predict({"houses": rows})["prices"]) == 3
    delete(predictor)
