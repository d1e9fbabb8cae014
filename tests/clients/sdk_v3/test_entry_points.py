"""Own code as SDK v3 takes it, beside Python scripts: shell scripts, and commands."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"entry_script": "train.sh"}, "train.sh: --lr 0.5"),
        (
            {"command": "sh train.sh one 'two words' && echo more >> $SM_MODEL_DIR/told"},
            "train.sh: one two words\nmore",
        ),
    ],
)
def test_programs(tmp_path: Path, source: dict[str, str], told: str) -> None:
    import boto3
    from sagemaker.train import ModelTrainer
    from sagemaker.train.configs import Compute, SourceCode

    script = tmp_path / "train.sh"
    script.write_text('#!/bin/sh\necho "${0##*/}: $*" > "$SM_MODEL_DIR/told"\n')
    script.chmod(0o755)
    trainer: Any = ModelTrainer(
        training_image=SKLEARN,
        source_code=SourceCode(source_dir=str(tmp_path), **source),
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        hyperparameters={"lr": 0.5},
        base_job_name="v3-program",
    )
    trainer.train(wait=False)
    job = trainer._latest_training_job
    job.wait(poll=1, timeout=300)
    bucket, key = job.model_artifacts.s3_model_artifacts.removeprefix("s3://").split("/", 1)
    body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        member = archive.extractfile("told")
        assert member is not None
        assert member.read().decode().strip() == told
