"""What the tests of the built-in algorithms share."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="session")
def about(session: Any, role: str) -> dict[str, Any]:
    """What every estimator is told."""
    return {"role": role, "instance_count": 1, "instance_type": "ml.m5.large", "sagemaker_session": session}


@pytest.fixture(scope="session")
def members(session: Any) -> Callable[[str], dict[str, bytes]]:
    """The files of a model, by its URI."""

    def members(uri: str) -> dict[str, bytes]:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        data = session.boto_session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            found = {member.name: archive.extractfile(member) for member in archive.getmembers() if member.isfile()}
            return {name: file.read() for name, file in found.items() if file is not None}

    return members


@pytest.fixture(scope="session")
def told() -> Callable[[Any], dict[str, float]]:
    """The final metrics of an estimator's job."""

    def told(estimator: Any) -> dict[str, float]:
        described = estimator.latest_training_job.describe()
        return {each["MetricName"]: each["Value"] for each in described["FinalMetricDataList"]}

    return told


@pytest.fixture(scope="session")
def transformed(session: Any, bucket: str) -> Callable[..., str]:
    """What a batch transform of an estimator's model makes of a text."""

    def transformed(estimator: Any, name: str, text: str, *, content_type: str, accept: str) -> str:
        s3 = session.boto_session.client("s3")
        s3.put_object(Bucket=bucket, Key=f"{name}/in/rows", Body=text.encode())
        transformer = estimator.transformer(
            1, "ml.m5.large", output_path=f"s3://{bucket}/{name}/out", accept=accept, assemble_with="Line"
        )
        transformer.transform(f"s3://{bucket}/{name}/in/", content_type=content_type, split_type="Line", logs=False)
        body: bytes = s3.get_object(Bucket=bucket, Key=f"{name}/out/rows.out")["Body"].read()
        return body.decode()

    return transformed


@pytest.fixture(scope="session")
def environment() -> Callable[[str], str]:
    """The Python of an environment that the server has made by now."""
    runtimes = Path(os.environ.get("SAGEWRIGHT_RUNTIMES", ROOT / ".cache/runtimes"))

    def environment(name: str) -> str:
        made = sorted(runtimes.glob(f"{name}-*/bin/python"), key=lambda python: python.stat().st_mtime)
        return str(made[-1])

    return environment
