"""One tracking server for the session, and MLflow's own client pointed at it by its ARN."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

NAME = "Runs"
SCRIPTS = Path(__file__).parents[1] / "scripts"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # it would go to MLflow's makers
os.environ["GIT_PYTHON_REFRESH"] = "quiet"


@pytest.fixture(scope="session")
def sagemaker(server: Any) -> Any:
    import boto3

    return boto3.client("sagemaker")


@pytest.fixture(scope="session")
def described(sagemaker: Any) -> Callable[[], dict[str, Any]]:
    return lambda: dict(sagemaker.describe_mlflow_tracking_server(TrackingServerName=NAME))


@pytest.fixture(scope="session")
def settled(described: Callable[[], dict[str, Any]], eventually: Callable[..., Any]) -> Callable[[str], dict[str, Any]]:
    """Waits until the tracking server is in a status, and fails at once in a failed one."""

    def settled(status: str) -> dict[str, Any]:
        def there() -> dict[str, Any] | None:
            now = described()
            assert not now["TrackingServerStatus"].endswith("Failed"), now
            return now if now["TrackingServerStatus"] == status else None

        found: dict[str, Any] = eventually(there)
        return found

    return settled


@pytest.fixture(scope="session")
def tracking(
    sagemaker: Any, role: str, bucket: str, settled: Callable[[str], dict[str, Any]], eventually: Callable[..., Any]
) -> Iterator[str]:
    """The ARN of a tracking server that runs; deleted afterwards, or MLflow would outlive the tests."""
    made: str = sagemaker.create_mlflow_tracking_server(
        TrackingServerName=NAME,
        ArtifactStoreUri=f"s3://{bucket}/mlflow",
        RoleArn=role,
        MlflowVersion="2.16.2",
        AutomaticModelRegistration=True,
    )["TrackingServerArn"]
    try:
        settled("Created")
        yield made
    finally:
        sagemaker.delete_mlflow_tracking_server(TrackingServerName=NAME)
        eventually(lambda: not sagemaker.list_mlflow_tracking_servers()["TrackingServerSummaries"])


@pytest.fixture
def mlflow(tracking: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """MLflow's client; it leaves no files in the checkout."""
    monkeypatch.chdir(tmp_path)
    import mlflow

    mlflow.set_tracking_uri(tracking)
    mlflow.set_experiment("tests")
    return mlflow


@pytest.fixture
def tracking_source(bucket: str) -> str:
    """A script that logs to MLflow and what it needs for that, packed and uploaded: its address."""
    import boto3

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(SCRIPTS / "track.py", "track.py")
        needed = b"mlflow-skinny==3.17.2\nsagemaker-mlflow==0.5.0\n"
        member = tarfile.TarInfo("requirements.txt")
        member.size = len(needed)
        archive.addfile(member, io.BytesIO(needed))
    boto3.client("s3").put_object(Bucket=bucket, Key="code/track.tar.gz", Body=buffer.getvalue())
    return f"s3://{bucket}/code/track.tar.gz"
