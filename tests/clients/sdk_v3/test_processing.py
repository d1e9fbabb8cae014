"""Processors of the SDK v3: a script, a framework's code with requirements, the resource class below them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from sagemaker.core.processing import FrameworkProcessor, ScriptProcessor
from sagemaker.core.resources import ProcessingJob
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
ROOT = "/opt/ml/processing"
COUNT = """
import sys
lines = open("/opt/ml/processing/input/housing.csv").readlines()
open("/opt/ml/processing/output/count", "w").write(f"{sys.argv[1]} {len(lines)}")
open("/opt/ml/output/message", "w").write("counted")
"""
FRAMEWORK = """
import sys
import helper
open("/opt/ml/processing/output/count", "w").write(helper.told(sys.argv[1:]))
"""


@pytest.fixture
def output(bucket: str, unique: Callable[[str], str]) -> ProcessingOutput:
    target = f"s3://{bucket}/{unique('v3-processed')}"
    written = ProcessingS3Output(s3_uri=target, local_path=f"{ROOT}/output", s3_upload_mode="EndOfJob")
    return ProcessingOutput(output_name="count", s3_output=written)


def text(output: ProcessingOutput) -> str:
    bucket, key = output.s3_output.s3_uri.removeprefix("s3://").split("/", 1)
    return str(boto3.client("s3").get_object(Bucket=bucket, Key=f"{key}/count")["Body"].read().decode())


def ended(processor: Any) -> ProcessingJob:
    job = ProcessingJob.get(processor.latest_job.processing_job_name)
    job.wait(poll=1, timeout=300, logs=False)
    return job


def test_a_script_counts(role: str, housing: str, output: ProcessingOutput, tmp_path: Path) -> None:
    (tmp_path / "count.py").write_text(COUNT)
    processor = ScriptProcessor(
        role=role, image_uri=IMAGE, command=["python3"], instance_count=1, instance_type="ml.m5.large"
    )
    source = ProcessingS3Input(
        s3_uri=housing, local_path=f"{ROOT}/input", s3_data_type="S3Prefix", s3_input_mode="File"
    )
    processor.run(
        code=str(tmp_path / "count.py"),
        inputs=[ProcessingInput(input_name="housing", s3_input=source)],
        outputs=[output],
        arguments=["rows:"],
        wait=False,
        logs=False,
    )
    job = ended(processor)
    assert (job.processing_job_status, job.exit_message) == ("Completed", "counted")
    assert text(output) == "rows: 506"


def test_framework_code_comes_with_its_requirements(role: str, output: ProcessingOutput, tmp_path: Path) -> None:
    (tmp_path / "entry.py").write_text(FRAMEWORK)
    (tmp_path / "helper.py").write_text(
        "import iniconfig\ndef told(words): return iniconfig.__name__ + ' '.join(words)"
    )
    (tmp_path / "requirements.txt").write_text("iniconfig\n")
    processor = FrameworkProcessor(image_uri=IMAGE, role=role, instance_count=1, instance_type="ml.m5.large")
    processor.run(
        code="entry.py",
        source_dir=str(tmp_path),
        outputs=[output],
        arguments=["a", "b c"],
        wait=False,
        logs=False,
    )
    job = ended(processor)
    assert job.processing_job_status == "Completed", job.failure_reason
    assert text(output) == "iniconfiga b c"
