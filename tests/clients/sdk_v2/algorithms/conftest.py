"""What the tests of the built-in algorithms share."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[4]
SAMPLES = ROOT / "tests/clients/samples"


@pytest.fixture(scope="session")
def about(session: Any, role: str) -> dict[str, Any]:
    """What every estimator is told."""
    return {"role": role, "instance_count": 1, "instance_type": "ml.m5.large", "sagemaker_session": session}


@pytest.fixture(scope="session")
def abalones() -> list[list[str]]:
    """Whether there are more than 9 rings first, sex second, then seven measures."""
    rows = [line.split(",") for line in (SAMPLES / "abalone.csv").read_text().splitlines()]
    return [[str(int(int(row[-1]) > 9)), *row[:-1]] for row in rows]


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
def transformed(session: Any, bucket: str) -> Callable[..., Any]:
    """What a batch transform of an estimator's model makes of a text, by lines, or of bytes, by records."""

    def transformed(estimator: Any, name: str, data: Any, *, content_type: str, accept: str, **options: Any) -> Any:
        text = isinstance(data, str)
        s3 = session.boto_session.client("s3")
        s3.put_object(Bucket=bucket, Key=f"{name}/in/rows", Body=data.encode() if text else data)
        assembled = {"assemble_with": "Line"} if text else {}
        transformer = estimator.transformer(
            1, "ml.m5.large", output_path=f"s3://{bucket}/{name}/out", accept=accept, **assembled, **options
        )
        transformer.transform(
            f"s3://{bucket}/{name}/in/",
            content_type=content_type,
            split_type="Line" if text else "RecordIO",
            wait=False,
        )
        waiter = session.sagemaker_client.get_waiter("transform_job_completed_or_stopped")
        job = transformer.latest_transform_job.job_name
        waiter.wait(TransformJobName=job, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
        body: bytes = s3.get_object(Bucket=bucket, Key=f"{name}/out/rows.out")["Body"].read()
        return body.decode() if text else body

    return transformed


@pytest.fixture(scope="session")
def outside(
    members: Callable[[str], dict[str, bytes]],
    environment: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Any]:
    """What code prints, as JSON, beside an estimator's model: in a Python that knows the library and none of ours.

    The code finds its arguments in `given`.
    """

    def outside(estimator: Any, name: str, code: str, *given: Any) -> Any:
        folder = tmp_path_factory.mktemp("model")
        for member, data in members(estimator.model_data).items():
            (folder / member).parent.mkdir(parents=True, exist_ok=True)
            (folder / member).write_bytes(data)
        lines = ["import importlib.util, json, sys", "assert importlib.util.find_spec('sagewright_container') is None"]
        lines += ["given = json.load(sys.stdin)", *code.strip().splitlines()]
        command = [environment(name), "-I", "-W", "ignore", "-c", "\n".join(lines)]
        asked = json.dumps(given)
        done = subprocess.run(command, cwd=folder, input=asked, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return outside


@pytest.fixture(scope="session")
def samples() -> Path:
    """Where small real data lie."""
    return SAMPLES


@pytest.fixture(scope="session")
def sample() -> Callable[[str], np.ndarray]:
    """The numbers of a sample without a header, rows by columns."""
    return lambda name: np.loadtxt(SAMPLES / name, "float32", delimiter=",")


@pytest.fixture(scope="session")
def environment() -> Callable[[str], str]:
    """The Python of an environment that the server has made by now."""
    runtimes = Path(os.environ.get("SAGEWRIGHT_RUNTIMES", ROOT / ".cache/runtimes"))

    def environment(name: str) -> str:
        made = sorted(runtimes.glob(f"{name}-*/bin/python"), key=lambda python: python.stat().st_mtime)
        return str(made[-1])

    return environment
