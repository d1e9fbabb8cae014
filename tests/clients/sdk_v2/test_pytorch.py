"""PyTorch with the SDK v2: fit, deploy, predict; from an artifact with functions of one's own, and with no script."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from sagemaker.deserializers import JSONDeserializer
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.pytorch import PyTorch, PyTorchModel
from sagemaker.serializers import JSONSerializer

SCRIPTS = Path(__file__).parents[1] / "scripts"
OWN = """
import json
from pytorch_digits import model_fn

def input_fn(data, content_type):
    import torch
    return torch.tensor(json.loads(data)["pixels"])

def output_fn(prediction, accept):
    return json.dumps({"digits": prediction.argmax(1).tolist()})
"""


@pytest.fixture(scope="module")
def estimator(session: Any, role: str) -> PyTorch:
    made = PyTorch(
        entry_point="pytorch_digits.py",
        source_dir=str(SCRIPTS),
        role=role,
        framework_version="2.3.0",
        py_version="py311",
        instance_count=1,
        instance_type="ml.m5.large",
        hyperparameters={"epochs": 60},
        metric_definitions=[{"Name": "accuracy", "Regex": r"accuracy=([0-9.]+);"}],
        sagemaker_session=session,
    )
    made.fit(logs=False)
    return made


@pytest.fixture(scope="module")
def zeros() -> Any:
    """Two images of a zero, as the network wants them: 64 pixels from 0 to 1."""
    image = [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0, 0, 3, 15, 2, 0, 11, 8, 0, 0, 4, 12, 0, 0, 8, 8, 0]
    image += [0, 5, 8, 0, 0, 9, 8, 0, 0, 4, 11, 0, 1, 12, 7, 0, 0, 2, 14, 5, 10, 12, 0, 0, 0, 0, 6, 13, 10, 0, 0, 0]
    return np.array([image, image], np.float32) / 16


def test_the_log_says_which_version_runs(estimator: PyTorch) -> None:
    told = estimator.latest_training_job.describe()
    metrics = {metric["MetricName"]: metric["Value"] for metric in told["FinalMetricDataList"]}
    assert metrics["accuracy"] > 0.9
    lines = boto3.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{told['TrainingJobName']}/"
    )["events"]
    assert any(
        line["message"].startswith("sagewright: PyTorch 2.3.0 was asked for; this runs 2.13.0") for line in lines
    )


def test_the_estimator_deploys_and_predicts(
    estimator: PyTorch, zeros: Any, deploy: Callable[..., Any], delete: Callable[..., None]
) -> None:
    predictor = deploy(estimator)
    scores = predictor.predict(zeros)
    assert scores.shape == (2, 10)
    assert list(scores.argmax(1)) == [0, 0]
    delete(predictor)


def test_a_model_has_functions_of_its_own(
    estimator: PyTorch,
    session: Any,
    role: str,
    zeros: Any,
    tmp_path: Path,
    deploy: Callable[..., Any],
    delete: Callable[..., None],
) -> None:
    (tmp_path / "inference.py").write_text(OWN)
    model = PyTorchModel(
        model_data=estimator.model_data,
        role=role,
        entry_point="inference.py",
        source_dir=str(tmp_path),
        dependencies=[str(SCRIPTS / "pytorch_digits.py")],
        framework_version="1.13.1",
        py_version="py39",
        sagemaker_session=session,
    )
    predictor = deploy(model, serializer=JSONSerializer(), deserializer=JSONDeserializer())
    assert predictor.predict({"pixels": zeros.tolist()}) == {"digits": [0, 0]}
    delete(predictor)


def test_torchscript_is_deployed_by_the_images_name_alone(
    estimator: PyTorch, session: Any, role: str, zeros: Any, deploy: Callable[..., Any], delete: Callable[..., None]
) -> None:
    """As from `Model(image_uri=…)`: the artifact holds the network alone."""
    bucket = session.default_bucket()
    output = estimator.model_data.replace("model.tar.gz", "output.tar.gz").removeprefix(f"s3://{bucket}/")
    s3 = boto3.client("s3")
    s3.put_object(Bucket=bucket, Key="scripted/model.tar.gz", Body=repacked(s3.get_object(Bucket=bucket, Key=output)))
    model = Model(
        image_uri=estimator.training_image_uri().replace("training", "inference"),
        model_data=f"s3://{bucket}/scripted/model.tar.gz",
        role=role,
        predictor_cls=Predictor,
        sagemaker_session=session,
    )
    predictor = deploy(model, serializer=JSONSerializer(), deserializer=JSONDeserializer())
    assert np.array(predictor.predict(zeros.tolist())).argmax(1).tolist() == [0, 0]
    delete(predictor)


def repacked(answer: Any) -> bytes:
    """The scripted network of a job's output.tar.gz as a model.tar.gz."""
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(answer["Body"].read())) as given,
        tarfile.open(fileobj=packed, mode="w:gz") as made,
    ):
        member = next(each for each in given.getmembers() if each.name.endswith("scripted.pt"))
        content = given.extractfile(member)
        member.name = "model.pt"
        made.addfile(member, content)
    return packed.getvalue()
