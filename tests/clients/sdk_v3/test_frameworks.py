"""PyTorch, TensorFlow and Hugging Face with the SDK v3: a ModelTrainer trains, a ModelBuilder deploys what it made."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
ECR = "763104351884.dkr.ecr.us-east-1.amazonaws.com"


class Framework(NamedTuple):
    """Images, script, and what its model is asked."""

    training: str
    inference: str
    script: str
    asked: Any
    served: bool
    """Whether the script serves too."""


FRAMEWORKS = {
    "pytorch": Framework(
        "pytorch-training:2.3.0-cpu-py311",
        "pytorch-inference:2.3.0-cpu-py311",
        "pytorch_digits.py",
        [[0.1] * 64],
        served=True,
    ),
    "tensorflow": Framework(
        "tensorflow-training:2.19.0-cpu-py312",
        "tensorflow-inference:2.19.0-cpu",
        "keras_3_housing.py",
        [[0.1] * 13],
        served=False,
    ),
    "huggingface": Framework(
        "huggingface-pytorch-training:2.9.0-transformers5.3.0-gpu-py312",
        "huggingface-pytorch-inference:2.9.0-transformers5.5.3-cpu-py312",
        "hugging_face_reviews.py",
        {"inputs": "a wonderful film"},
        served=False,
    ),
}


@pytest.fixture(scope="module", params=FRAMEWORKS)
def framework(request: pytest.FixtureRequest) -> Framework:
    return FRAMEWORKS[request.param]


@pytest.fixture(scope="module")
def job(framework: Framework, housing: str, bucket: str) -> Any:
    from sagemaker.train import ModelTrainer
    from sagemaker.train.configs import Compute, InputData, SourceCode

    channel = housing
    if framework.script == "hugging_face_reviews.py":
        boto3.client("s3").upload_file(str(SCRIPTS / "reviews.csv"), bucket, "v3/reviews/reviews.csv")
        channel = f"s3://{bucket}/v3/reviews/"
    made = ModelTrainer(
        training_image=f"{ECR}/{framework.training}",
        source_code=SourceCode(source_dir=str(SCRIPTS), entry_script=framework.script),
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        base_job_name="v3-framework",
    )
    made.train([InputData(channel_name="train", data_source=channel)], wait=False)
    made._latest_training_job.wait(poll=1, timeout=600)
    return made._latest_training_job


def test_the_log_says_what_was_asked_for_and_what_was_learned(framework: Framework, job: Any) -> None:
    events = boto3.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{job.training_job_name}/"
    )["events"]
    said = [event["message"] for event in events]
    assert any(line.startswith("sagewright: ") and "asked for; this runs" in line for line in said)
    assert any("accuracy=" in line or "loss=" in line for line in said)


def test_a_model_builder_deploys_what_was_trained(
    framework: Framework, job: Any, role: str, unique: Callable[[str], str]
) -> None:
    from sagemaker.core.training.configs import SourceCode
    from sagemaker.serve.model_builder import ModelBuilder

    served = SourceCode(source_dir=str(SCRIPTS), entry_script=framework.script) if framework.served else None
    builder = ModelBuilder(
        image_uri=f"{ECR}/{framework.inference}",
        s3_model_data_url=job.model_artifacts.s3_model_artifacts,
        source_code=served,
        role_arn=role,
    )
    builder.build(model_name=unique("v3-framework"))
    endpoint = builder.deploy(endpoint_name=unique("v3-framework"), instance_type="ml.m5.large", wait=False)
    waiter = boto3.client("sagemaker").get_waiter("endpoint_in_service")
    waiter.wait(EndpointName=endpoint.endpoint_name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    answer = endpoint.invoke(body=json.dumps(framework.asked), content_type="application/json")
    assert json.loads(answer.body.read())
    endpoint.delete()
