"""Data capture with the SDK v2: deployed with it, switched off, and on again with other settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sagemaker.deserializers import JSONDeserializer
from sagemaker.model import Model
from sagemaker.model_monitor import DataCaptureConfig
from sagemaker.predictor import Predictor
from sagemaker.s3 import S3Downloader
from sagemaker.serializers import CSVSerializer, JSONSerializer


@pytest.fixture(scope="module")
def place(bucket: str) -> str:
    return f"s3://{bucket}/captured-by-the-sdk"


@pytest.fixture(scope="module")
def predictor(
    session: Any, role: str, place: str, container: dict[str, Any], delete: Callable[..., None]
) -> Iterator[Predictor]:
    model = Model(
        container["Image"],
        container["ModelDataUrl"],
        role,
        env=container.get("Environment"),
        predictor_cls=Predictor,
        sagemaker_session=session,
    )
    made = model.deploy(
        1,
        "ml.m5.large",
        serializer=CSVSerializer(),
        deserializer=JSONDeserializer(),
        data_capture_config=DataCaptureConfig(True, 100, f"{place}/first", sagemaker_session=session),
        wait=False,
    )
    waiter = session.sagemaker_client.get_waiter("endpoint_in_service")
    waiter.wait(EndpointName=made.endpoint_name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    yield made
    delete(made)


@pytest.fixture
def captured(session: Any, eventually: Callable[..., Any]) -> Callable[[str], list[dict[str, Any]]]:
    """The events below an address, once there are some."""

    def captured(address: str) -> list[dict[str, Any]]:
        files = eventually(lambda: S3Downloader.list(address, sagemaker_session=session))
        lines = [line for file in files for line in S3Downloader.read_file(file, session).split("\n")[:-1]]
        return [json.loads(line)["captureData"] for line in lines]

    return captured


def test_capture_is_switched_as_notebooks_do(
    session: Any,
    predictor: Predictor,
    place: str,
    captured: Callable[[str], list[dict[str, Any]]],
    rows: list[list[float]],
    hurried: None,
) -> None:
    prices = predictor.predict(rows)
    (event,) = captured(f"{place}/first/{predictor.endpoint_name}/AllTraffic")
    assert (event["endpointInput"]["encoding"], event["endpointOutput"]["encoding"]) == ("CSV", "JSON")
    assert json.loads(event["endpointOutput"]["data"]) == prices

    predictor.disable_data_capture()
    assert told(session, predictor)["CaptureStatus"] == "Stopped"
    predictor.predict(rows)

    only_input = DataCaptureConfig(True, 100, f"{place}/second", capture_options=["REQUEST"], sagemaker_session=session)
    predictor.update_data_capture_config(only_input)
    assert told(session, predictor)["CaptureStatus"] == "Started"
    predictor.serializer = JSONSerializer()
    predictor.predict(rows)
    (event,) = captured(f"{place}/second")
    assert set(event) == {"endpointInput"}
    assert json.loads(event["endpointInput"]["data"]) == rows
    assert len(captured(f"{place}/first")) == 1


def told(session: Any, predictor: Predictor) -> dict[str, Any]:
    described = session.sagemaker_client.describe_endpoint(EndpointName=predictor.endpoint_name)
    return dict(described["DataCaptureConfig"])
