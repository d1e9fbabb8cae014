"""What all boto3 tests share: a client, and a bucket of one's own."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture(scope="session")
def s3() -> Any:
    return boto3.client("s3")


@pytest.fixture
def box(s3: Any, unique: Callable[[str], str]) -> str:
    """An empty bucket for one test."""
    name = unique("box")
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="session")
def scripted(
    s3: Any, container: dict[str, Any], bucket: str, unique: Callable[[str], str]
) -> Callable[[str], dict[str, Any]]:
    """Makes a scikit-learn container whose model is a script: its `inference.py`."""

    def made(code: str) -> dict[str, Any]:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            member = tarfile.TarInfo("code/inference.py")
            member.size = len(code.encode())
            archive.addfile(member, io.BytesIO(code.encode()))
        key = f"{unique('scripted')}/model.tar.gz"
        s3.put_object(Bucket=bucket, Key=key, Body=buffer.getvalue())
        return {"Image": container["Image"], "ModelDataUrl": f"s3://{bucket}/{key}"}

    return made


@pytest.fixture(scope="session")
def talker(scripted: Callable[[str], dict[str, Any]], role: str, unique: Callable[[str], str]) -> Iterator[str]:
    """An endpoint of two instances whose model does as it is told (`scripts/talker.py`)."""
    sagemaker = boto3.client("sagemaker")
    name = unique("talker")
    sagemaker.create_model(
        ModelName=name, PrimaryContainer=scripted((SCRIPTS / "talker.py").read_text()), ExecutionRoleArn=role
    )
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    waiter = sagemaker.get_waiter("endpoint_in_service")
    waiter.wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    yield name
    sagemaker.delete_endpoint(EndpointName=name)
