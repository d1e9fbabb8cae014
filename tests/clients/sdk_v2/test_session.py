"""What a notebook's first cell does: who am I, where is my bucket, nothing leaves the machine."""

from typing import Any

import boto3
import pytest
import sagemaker
from jsonschema import ValidationError
from sagemaker.config import validate_sagemaker_config
from sagemaker.s3 import S3Downloader, S3Uploader


def test_the_execution_role_is_found(session: Any, role: str) -> None:
    assert sagemaker.get_execution_role() == role


def test_the_default_bucket_is_made(session: Any) -> None:
    assert session.default_bucket() == "sagemaker-us-east-1-123456789012"
    assert sagemaker.Session().default_bucket() == session.default_bucket()
    boto3.client("s3").head_bucket(Bucket=session.default_bucket())


def test_files_go_up_and_come_down(session: Any, uploaded: str, tmp_path: Any) -> None:
    assert uploaded == f"s3://{session.default_bucket()}/housing/housing.csv"
    S3Downloader.download(uploaded, str(tmp_path), sagemaker_session=session)
    assert (tmp_path / "housing.csv").read_text().startswith("0.00632,")
    text = S3Uploader.upload_string_as_file_body("hi", f"s3://{session.default_bucket()}/x/hi.txt")
    assert S3Downloader.read_file(text) == "hi"
    assert S3Downloader.list(f"s3://{session.default_bucket()}/x") == [text]


def test_nothing_is_reported_to_aws(session: Any, outside: list[str]) -> None:
    assert session.sagemaker_config["SageMaker"]["PythonSDK"]["Modules"]["TelemetryOptOut"] is True
    assert outside == []


def test_a_configuration_is_still_checked(session: Any) -> None:
    """Though `sagewright env` spares the SDK checking the schema itself each time."""
    validate_sagemaker_config(session.sagemaker_config)
    with pytest.raises(ValidationError, match="TelemetryOptOut"):
        validate_sagemaker_config({"SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": "yes"}}}})
