"""What is captured of invocations, and when it is put into S3."""

from __future__ import annotations

import json
import logging
import re
import threading
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest

from sagewright.base.errors import AwsError
from sagewright.base.ids import RandomIds
from sagewright.dataplane.inference.ask import Ask, Reply
from sagewright.dataplane.inference.capture import OFTEN, Captured, Captures
from sagewright.resources import data_capture
from sagewright.testing.clock import ManualClock

NOON = 1_760_011_205.25
"""2025-10-09T12:00:05.250Z"""
ROLE = "arn:aws:iam::111122223333:role/models"


@dataclass
class Kept:
    """S3, in memory."""

    objects: dict[str, bytes] = field(default_factory=dict)
    roles: set[str] = field(default_factory=set)
    refuses: bool = False

    def __call__(self, role_arn: str, region: str, bucket: str, key: str, data: bytes) -> None:
        if self.refuses:
            raise AwsError("AccessDenied", "Not for this role.", status=403)
        self.roles.add(role_arn)
        self.objects[f"{bucket}/{key}"] = data

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for data in self.objects.values() for line in data.splitlines()]


def captured(captures: Captures, **options: Any) -> Captured:
    config = {
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://bucket/some/where/",
        "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
        **options,
    }
    settings = data_capture.settings({"DataCaptureConfig": config}, ROLE)
    assert settings is not None
    return captures.of("eu-west-1", "e", "AllTraffic", settings)


def invoke(
    variant: Captured,
    body: bytes = b"1,2",
    answer: bytes = b"[3]",
    content_type: str = "text/csv",
    more: Mapping[str, str] = MappingProxyType({}),
) -> None:
    asked = {"Content-Type": content_type, **more}
    variant.take(Ask(body, list(asked.items())), Reply(200, {"content-type": "application/json"}, answer))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def captures(kept: Kept, clock: ManualClock) -> Captures:
    return Captures(kept, clock, RandomIds())


def test_a_line_says_what_aws_says(captures: Captures, kept: Kept) -> None:
    headers = {"X-Amzn-SageMaker-Inference-Id": "one", "X-Amzn-SageMaker-Custom-Attributes": "trace=1"}
    invoke(captured(captures), more=headers)
    captures.work(all_of_it=True)
    ((key, data),) = kept.objects.items()
    assert re.fullmatch(r"bucket/some/where/e/AllTraffic/2025/10/09/12/00-05-250-[0-9a-f-]{36}\.jsonl", key)
    assert data.endswith(b"}\n")
    (event,) = kept.events
    assert event.pop("eventMetadata") == {
        "eventId": event_id(data),
        "customAttributes": ["trace=1"],
        "inferenceId": "one",
        "inferenceTime": "2025-10-09T12:00:05Z",
    }
    assert event == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv",
                "mode": "INPUT",
                "data": "1,2",
                "encoding": "CSV",
            },
            "endpointOutput": {
                "observedContentType": "application/json",
                "mode": "OUTPUT",
                "data": "[3]",
                "encoding": "JSON",
            },
        },
        "eventVersion": "0",
    }
    assert kept.roles == {ROLE}


def event_id(data: bytes) -> str:
    return str(UUID(json.loads(data)["eventMetadata"]["eventId"]))


@pytest.mark.parametrize(
    ("modes", "sides"),
    [
        (["Input"], {"endpointInput"}),
        (["Output"], {"endpointOutput"}),
        (["Input", "Output"], {"endpointInput", "endpointOutput"}),
    ],
)
def test_only_the_sides_that_are_asked_for(captures: Captures, kept: Kept, modes: list[str], sides: set[str]) -> None:
    invoke(captured(captures, CaptureOptions=[{"CaptureMode": mode} for mode in modes]))
    captures.work(all_of_it=True)
    assert set(kept.events[0]["captureData"]) == sides


@pytest.mark.parametrize(
    ("types", "body", "content_type"),
    [
        ({}, b"1,2", "text/csv"),  # nothing is said of types
        ({"CsvContentTypes": ["text/csv"]}, b"\x93NUMPY", "application/x-npy"),
        ({"CsvContentTypes": ["text/csv"]}, b"\xff\xfe", "text/csv"),  # not what it says it is
    ],
)
def test_the_rest_is_base64(
    captures: Captures, kept: Kept, types: Mapping[str, Any], body: bytes, content_type: str
) -> None:
    invoke(captured(captures, CaptureContentTypeHeader=types), body, content_type=content_type)
    captures.work(all_of_it=True)
    side = kept.events[0]["captureData"]["endpointInput"]
    assert (side["encoding"], side["data"]) == ("BASE64", b64encode(body).decode())


def test_parameters_of_a_type_do_not_matter(captures: Captures, kept: Kept) -> None:
    invoke(captured(captures), content_type="Text/CSV; charset=utf-8")
    captures.work(all_of_it=True)
    side = kept.events[0]["captureData"]["endpointInput"]
    assert (side["encoding"], side["observedContentType"]) == ("CSV", "Text/CSV; charset=utf-8")


def test_some_are_sampled(captures: Captures, kept: Kept) -> None:
    half, none = captured(captures, InitialSamplingPercentage=50), captured(captures, InitialSamplingPercentage=0)
    for _ in range(2000):
        invoke(half)
        invoke(none)
    captures.work(all_of_it=True)
    assert 800 < len(kept.events) < 1200


def test_many_go_into_one_file_and_each_hour_has_its_own(captures: Captures, kept: Kept, clock: ManualClock) -> None:
    variant = captured(captures)
    invoke(variant)
    invoke(variant)
    captures.work()
    assert not kept.objects
    clock.advance(OFTEN)
    captures.work()
    assert [len(data.splitlines()) for data in kept.objects.values()] == [2]
    invoke(variant)
    clock.advance(3600)
    invoke(variant)
    captures.work(all_of_it=True)
    assert [key.split("/")[-2] for key in kept.objects] == ["12", "12", "13"]


def test_a_large_file_does_not_wait(captures: Captures, kept: Kept) -> None:
    for _ in range(3):
        invoke(captured(captures), body=b"1" * (2 << 20))
    captures.work()
    assert len(kept.objects) == 1


def test_memory_is_bounded(kept: Kept, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    captures = Captures(kept, clock, RandomIds(), room=10 * 20_000)
    for number in range(25):
        invoke(captured(captures), body=b"%d%s" % (number, b" " * 19_000), answer=b"")
    with caplog.at_level(logging.WARNING):
        captures.work(all_of_it=True)
    found = [int(event["captureData"]["endpointInput"]["data"]) for event in kept.events]
    assert found == list(range(25 - len(found), 25))
    assert len(found) == 10
    assert "15 captures were dropped" in caplog.text


def test_what_is_small_is_bounded_too(kept: Kept, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    captures = Captures(kept, clock, RandomIds(), room=10_000)
    for number in range(100):
        invoke(captured(captures), body=b"%d" % number, answer=b"")
    with caplog.at_level(logging.WARNING):
        captures.work(all_of_it=True)
    found = [int(event["captureData"]["endpointInput"]["data"]) for event in kept.events]
    assert found[-1] == 99
    assert len(found) < 40
    assert f"{100 - len(found)} captures were dropped" in caplog.text


def test_what_the_role_may_not_is_told_and_forgotten(
    captures: Captures, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    kept.refuses = True
    invoke(captured(captures))
    with caplog.at_level(logging.WARNING):
        captures.work(all_of_it=True)
    assert (
        "1 captures for s3://bucket/some/where/e/AllTraffic are lost: AccessDenied: Not for this role." in caplog.text
    )
    kept.refuses = False
    captures.work(all_of_it=True)
    assert not kept.objects


def test_an_end_puts_all_there_is(captures: Captures, kept: Kept) -> None:
    captures.start()
    variant = captured(captures)

    def load() -> None:
        for _ in range(200):
            invoke(variant)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    captures.close()
    assert len(kept.events) == 800
    assert len({event["eventMetadata"]["eventId"] for event in kept.events}) == 800


def test_nothing_is_kept_where_capture_is_off() -> None:
    config = {"InitialSamplingPercentage": 5, "DestinationS3Uri": "s3://b", "CaptureOptions": [], "KmsKeyId": "k"}
    off = {"DataCaptureConfig": {**config, "EnableCapture": False}}
    assert data_capture.settings(off, ROLE) is None
    assert data_capture.settings({}, ROLE) is None
    assert data_capture.summary({}) is None
    assert data_capture.summary(off) == {
        "EnableCapture": False,
        "CaptureStatus": "Stopped",
        "CurrentSamplingPercentage": 5,
        "DestinationS3Uri": "s3://b",
        "KmsKeyId": "k",
    }
