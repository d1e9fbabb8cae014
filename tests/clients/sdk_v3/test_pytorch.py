"""PyTorch with the SDK v3: a ModelTrainer trains, a ModelBuilder deploys what it trained."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
ECR = "763104351884.dkr.ecr.us-east-1.amazonaws.com"


@pytest.fixture(scope="module")
def trainer() -> Any:
    from sagemaker.train import ModelTrainer
    from sagemaker.train.configs import Compute, SourceCode

    made = ModelTrainer(
        training_image=f"{ECR}/pytorch-training:2.3.0-cpu-py311",
        source_code=SourceCode(source_dir=str(SCRIPTS), entry_script="pytorch_digits.py"),
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        base_job_name="v3-pytorch",
        hyperparameters={"epochs": 60},
    )
    made.train(wait=False)
    made._latest_training_job.wait(poll=1, timeout=600)
    return made


def test_the_log_has_the_scripts_lines(trainer: Any) -> None:
    name = trainer._latest_training_job.training_job_name
    events = boto3.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/"
    )["events"]
    said = [event["message"] for event in events]
    assert any("PyTorch 2.3.0 was asked for; this runs 2.13.0" in line for line in said)
    assert any("accuracy=0.9" in line for line in said)


def test_a_model_builder_deploys_what_was_trained(trainer: Any, role: str, unique: Callable[[str], str]) -> None:
    from sagemaker.core.training.configs import SourceCode
    from sagemaker.serve.model_builder import ModelBuilder

    builder = ModelBuilder(
        image_uri=f"{ECR}/pytorch-inference:2.3.0-cpu-py311",
        s3_model_data_url=trainer._latest_training_job.model_artifacts.s3_model_artifacts,
        source_code=SourceCode(source_dir=str(SCRIPTS), entry_script="pytorch_digits.py"),
        role_arn=role,
    )
    builder.build(model_name=unique("v3-pytorch"))
    endpoint = builder.deploy(endpoint_name=unique("v3-pytorch"), instance_type="ml.m5.large", wait=False)
    waiter = boto3.client("sagemaker").get_waiter("endpoint_in_service")
    waiter.wait(EndpointName=endpoint.endpoint_name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    answer = endpoint.invoke(body=json.dumps([[0.1] * 64]), content_type="application/json")
    assert len(json.loads(answer.body.read())[0]) == 10
    endpoint.delete()
