"""SDK v2 sessions, and waiting without the SDK's half minutes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def session(server: Any) -> Any:
    """What every notebook begins with."""
    import sagemaker

    return sagemaker.Session()


@pytest.fixture
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
        waiter.wait(EndpointName=predictor.endpoint_name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    return delete


@pytest.fixture(scope="session")
def uploaded(session: Any) -> str:
    """The housing data in the default bucket, by the SDK's own upload."""
    return str(session.upload_data(str(ROOT / "examples" / "housing.csv"), key_prefix="housing"))
