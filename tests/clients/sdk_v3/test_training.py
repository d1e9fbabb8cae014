"""ModelTrainer, the SDK v3's way to train: source code, input data, the job's log, its resource."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from sagemaker.core.resources import TrainingJob

ROOT = Path(__file__).parents[3]
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


@pytest.fixture(scope="module")
def source_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the script and what it needs besides the image."""
    folder = tmp_path_factory.mktemp("source")
    shutil.copy(ROOT / "examples/housing/train.py", folder)
    (folder / "requirements.txt").write_text("tabulate\n")
    return folder


def trainer(source_dir: Path, entry_script: str = "train.py", **options: Any) -> Any:
    from sagemaker.train import ModelTrainer
    from sagemaker.train.configs import Compute, SourceCode

    return ModelTrainer(
        training_image=SKLEARN,
        source_code=SourceCode(
            source_dir=str(source_dir), entry_script=entry_script, requirements=options.pop("requirements", None)
        ),
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        base_job_name="v3",
        **options,
    )


@pytest.fixture(scope="module")
def job(source_dir: Path, housing: str) -> TrainingJob:
    """A finished job; the role is found by the SDK itself."""
    from sagemaker.train.configs import InputData

    made = trainer(source_dir, requirements="requirements.txt", hyperparameters={"n-estimators": 50})
    made.train([InputData(channel_name="train", data_source=housing)], wait=False)
    made._latest_training_job.wait(poll=1, timeout=600)
    return made._latest_training_job


def test_the_job_completes(job: TrainingJob, role: str) -> None:
    assert job.training_job_status == "Completed"
    assert job.role_arn == role
    assert job.model_artifacts.s3_model_artifacts.endswith("/output/model.tar.gz")


def test_local_data_are_uploaded_and_the_log_is_shown(source_dir: Path) -> None:
    script = ROOT / "tests/clients/scripts/train_with_v3.py"
    command = [sys.executable, str(script), SKLEARN, str(source_dir), str(ROOT / "examples/housing.csv")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    assert "validation:rmse=" in done.stdout + done.stderr


def test_a_failed_script_raises(source_dir: Path) -> None:
    from sagemaker.core.utils.exceptions import FailedStatusError

    (source_dir / "fail.py").write_text((ROOT / "tests/clients/scripts/fail.py").read_text())
    made = trainer(source_dir, "fail.py")
    made.train(wait=False)
    with pytest.raises(FailedStatusError, match="went through the roof"):
        made._latest_training_job.wait(poll=1, timeout=300)


def test_a_command_may_take_the_place_of_a_script(source_dir: Path) -> None:
    from sagemaker.train import ModelTrainer
    from sagemaker.train.configs import Compute, SourceCode

    made = ModelTrainer(
        training_image=SKLEARN,
        source_code=SourceCode(command="env > /opt/ml/model/environment.txt"),
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        environment={"GREETING": "hello"},
        base_job_name="v3",
    )
    made.train(wait=False)
    made._latest_training_job.wait(poll=1, timeout=300)
    assert made._latest_training_job.training_job_status == "Completed"


def test_jobs_are_found_listed_and_stopped(source_dir: Path, job: TrainingJob) -> None:
    assert TrainingJob.get(job.training_job_name).training_job_arn == job.training_job_arn
    names = [found.training_job_name for found in TrainingJob.get_all(name_contains="v3", status_equals="Completed")]
    assert job.training_job_name in names
    (source_dir / "linger.py").write_text((ROOT / "tests/clients/scripts/linger.py").read_text())
    made = trainer(source_dir, "linger.py")
    made.train(wait=False)
    running = made._latest_training_job
    running.stop()
    running.wait(poll=1, timeout=300)
    assert running.training_job_status == "Stopped"


def test_a_channel_may_be_a_pipe_of_a_manifest(source_dir: Path, bucket: str, housing: str) -> None:
    from sagemaker.core.shapes import Channel, DataSource, S3DataSource, ShuffleConfig

    shutil.copy(ROOT / "tests/clients/scripts/train_on_a_channel.py", source_dir)
    manifest = json.dumps([{"prefix": housing}, "housing.csv"])
    boto3.client("s3").put_object(Bucket=bucket, Key="v3/manifest", Body=manifest)
    source = S3DataSource(s3_data_type="ManifestFile", s3_uri=f"s3://{bucket}/v3/manifest")
    channel = Channel(
        channel_name="train",
        data_source=DataSource(s3_data_source=source),
        input_mode="Pipe",
        shuffle_config=ShuffleConfig(seed=1),
    )
    made = trainer(source_dir, "train_on_a_channel.py", requirements="requirements.txt")
    made.train([channel], wait=False)
    made._latest_training_job.wait(poll=1, timeout=300)
    assert made._latest_training_job.training_job_status == "Completed"
