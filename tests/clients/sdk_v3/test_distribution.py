"""SDK v3's drivers, as it sends them, on one and two hosts."""

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
PYTORCH = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.8.0-cpu-py312-ubuntu22.04-sagemaker"


@pytest.fixture(scope="module")
def losses(tmp_path_factory: pytest.TempPathFactory, housing: str) -> Callable[..., dict[str, Any]]:
    """What the script reports, run by torchrun on so many hosts."""
    import boto3
    from sagemaker.train import ModelTrainer
    from sagemaker.train.configs import Compute, InputData, SourceCode
    from sagemaker.train.distributed import Torchrun

    folder = tmp_path_factory.mktemp("source")
    shutil.copy(SCRIPTS / "ddp_housing.py", folder)

    def train(hosts: int, processes: int) -> dict[str, Any]:
        trainer = ModelTrainer(
            training_image=PYTORCH,
            source_code=SourceCode(source_dir=str(folder), entry_script="ddp_housing.py"),
            compute=Compute(instance_type="ml.m5.large", instance_count=hosts),
            distributed=Torchrun(process_count_per_node=processes),
            base_job_name="v3-torchrun",
        )
        trainer.train([InputData(channel_name="train", data_source=housing)], wait=False)
        job = trainer._latest_training_job
        job.wait(poll=1, timeout=300)
        bucket, key = job.model_artifacts.s3_model_artifacts.removeprefix("s3://").split("/", 1)
        body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            member = archive.extractfile("losses.json")
            assert member is not None
            return dict(json.load(member))

    return train


def test_torchrun_on_two_hosts(losses: Any) -> None:
    told = losses(2, 2)
    assert told["world"] == 4
    assert told["losses"] == pytest.approx(told["alone"], abs=1e-5)


def test_what_needs_ssh_is_refused(tmp_path: Path) -> None:
    from sagemaker.core.utils.exceptions import FailedStatusError
    from sagemaker.train import ModelTrainer
    from sagemaker.train.configs import Compute, SourceCode
    from sagemaker.train.distributed import MPI

    (tmp_path / "train.py").touch()
    trainer = ModelTrainer(
        training_image=PYTORCH,
        source_code=SourceCode(source_dir=str(tmp_path), entry_script="train.py"),
        compute=Compute(instance_type="ml.m5.large", instance_count=2),
        distributed=MPI(process_count_per_node=1),
        base_job_name="v3-mpi",
    )
    trainer.train(wait=False)
    with pytest.raises(FailedStatusError, match="Use Torchrun"):
        trainer._latest_training_job.wait(poll=1, timeout=300)
