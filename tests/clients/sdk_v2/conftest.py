"""SDK v2 sessions, and waiting without the SDK's half minutes."""

from __future__ import annotations

import functools
import io
import runpy
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def session(server: Any) -> Any:
    """What every notebook begins with."""
    import sagemaker

    return sagemaker.Session()


@pytest.fixture(scope="session", autouse=True)
def endpoints_read_once() -> Iterator[None]:
    """botocore's table of endpoints, which the SDK reads anew (0.1 s) each time that it wants to know an address."""
    import sagemaker.utils

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sagemaker.utils, "_botocore_resolver", functools.cache(sagemaker.utils._botocore_resolver))
        yield


@pytest.fixture(scope="module")
def hurried(hurry: Callable[[Any], None]) -> None:
    """Waiting for jobs and following their logs, without the SDK's half minutes."""
    import sagemaker.session

    hurry(sagemaker.session)


@pytest.fixture(scope="session")
def deploy(session: Any) -> Callable[..., Any]:
    """`estimator.deploy(…)`, asking each second whether it is done instead of each half minute."""

    def deploy(estimator: Any, **options: Any) -> Any:
        predictor = estimator.deploy(1, "ml.m5.large", wait=False, **options)
        waiter = session.sagemaker_client.get_waiter("endpoint_in_service")
        waiter.wait(EndpointName=predictor.endpoint_name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
        return predictor

    return deploy


@pytest.fixture(scope="session")
def delete(session: Any) -> Callable[[Any], None]:
    """What a notebook's last cell does; the endpoint is gone afterwards."""

    def delete(predictor: Any) -> None:
        predictor.delete_model()
        predictor.delete_endpoint()
        waiter = session.sagemaker_client.get_waiter("endpoint_deleted")
        waiter.wait(EndpointName=predictor.endpoint_name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})

    return delete


class Run:
    """Fits an estimator without the SDK's pauses, and reads what the job left."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __call__(self, estimator: Any, inputs: Any = None) -> dict[str, bytes]:
        """The files of the model that it trained."""
        told = self._fit(estimator, inputs)
        assert told["TrainingJobStatus"] == "Completed", told.get("FailureReason")
        return self.unpacked(estimator, "model.tar.gz")

    def failed(self, estimator: Any, inputs: Any = None) -> str:
        """Why it failed."""
        told = self._fit(estimator, inputs)
        assert told["TrainingJobStatus"] == "Failed"
        return str(told["FailureReason"])

    def unpacked(self, estimator: Any, archive: str) -> dict[str, bytes]:
        """The files of one of the archives that its last job left."""
        place = estimator.latest_training_job.describe()["ModelArtifacts"]["S3ModelArtifacts"]
        bucket, key = place.removeprefix("s3://").replace("model.tar.gz", archive).split("/", 1)
        body = self._session.boto_session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}

    def _fit(self, estimator: Any, inputs: Any) -> dict[str, Any]:
        estimator.fit(inputs, wait=False)
        name = estimator.latest_training_job.name
        sagemaker = self._session.sagemaker_client
        end = time.monotonic() + 300
        while True:
            told = dict(sagemaker.describe_training_job(TrainingJobName=name))
            if told["TrainingJobStatus"] != "InProgress":
                return told
            assert time.monotonic() < end, f"{name} did not end: {told['SecondaryStatus']}"
            time.sleep(0.3)


@pytest.fixture(scope="session")
def shapes() -> dict[str, list[Any]]:
    """Pictures of discs, squares and triangles for the channels train and validation; see tests/shapes.py."""
    made: dict[str, list[Any]] = runpy.run_path(str(ROOT / "tests/shapes.py"))["shapes"]()
    return made


@pytest.fixture(scope="session")
def run(session: Any) -> Run:
    """`run(estimator, inputs)`: fit, and the model's files."""
    return Run(session)


@pytest.fixture(scope="session")
def uploaded(session: Any) -> str:
    """The housing data in the default bucket, by the SDK's own upload."""
    return str(session.upload_data(str(ROOT / "examples" / "housing.csv"), key_prefix="housing"))
