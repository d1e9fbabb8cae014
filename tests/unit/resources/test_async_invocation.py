"""Where outputs go, what notices say, and what cannot be had."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sagewright.resources import async_invocation
from sagewright.resources.record import Key, Record

KEY = Key("111122223333", "eu-west-1", async_invocation.KIND, "e", "n")
TOPICS = {"SuccessTopic": "arn:ok", "ErrorTopic": "arn:bad", "IncludeInferenceResponseIn": ["ERROR_NOTIFICATION_TOPIC"]}


def config(**output: Any) -> dict[str, Any]:
    return {"OutputConfig": output}


def test_a_name_tells_when_a_request_came_and_until_when_it_waits() -> None:
    name = async_invocation.name(1_760_000_000.5, 60, "abc")
    assert async_invocation.created(name) == 1_760_000_000.5
    assert async_invocation.expires(name) == 1_760_000_060.5
    assert name < async_invocation.name(1_760_000_000.6, 60, "aaa")


@pytest.mark.parametrize(
    ("request_", "output", "failure"),
    [
        ({}, "s3://b/out/id.out", "s3://b/bad/id-error.out"),
        ({"Filename": "x.json"}, "s3://b/out/x.json", "s3://b/bad/x-error.json"),
        ({"Filename": "x"}, "s3://b/out/x", "s3://b/bad/x-error.out"),
        ({"S3OutputPathExtension": "a/b/"}, "s3://b/out/a/b/id.out", "s3://b/bad/a/b/id-error.out"),
    ],
)
def test_outputs_lie_below_the_configured_paths(request_: dict[str, Any], output: str, failure: str) -> None:
    found = async_invocation.locations(config(S3OutputPath="s3://b/out/", S3FailurePath="s3://b/bad"), "id", request_)
    assert found == {"OutputLocation": output, "FailureLocation": failure}


def test_what_is_not_configured_has_no_location() -> None:
    assert async_invocation.locations(config(), "id", {}) == {}


def invocation(**more: Any) -> Record:
    spec = {
        "InferenceId": "id",
        "InputLocation": "s3://b/in",
        "ContentType": "text/csv",
        "OutputLocation": "s3://b/out/id.out",
        "NotificationConfig": TOPICS,
        **more,
    }
    return Record(KEY, "u", 1_760_000_000.25, 0.0, spec=spec)


def test_a_success_is_told_as_aws_tells_it() -> None:
    told = async_invocation.notice(
        invocation(), ended=1_760_000_001.0, reason=None, content_type="application/json", body=b"[1]"
    )
    assert told is not None
    assert told[0] == "arn:ok"
    assert json.loads(told[1]) == {
        "awsRegion": "eu-west-1",
        "eventTime": "2025-10-09T08:53:21.000Z",
        "receivedTime": "2025-10-09T08:53:20.250Z",
        "invocationStatus": "Completed",
        "requestParameters": {"contentType": "text/csv", "endpointName": "e", "inputLocation": "s3://b/in"},
        "responseParameters": {"contentType": "application/json", "outputLocation": "s3://b/out/id.out"},
        "inferenceId": "id",
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


def test_a_failure_says_why_and_carries_the_answer_where_that_is_wanted() -> None:
    told = async_invocation.notice(invocation(), ended=0.0, reason="no", content_type="text/plain", body=b"oh")
    assert told is not None
    said = json.loads(told[1])
    assert (told[0], said["invocationStatus"], said["failureReason"]) == ("arn:bad", "Failed", "no")
    assert said["responseBody"] == {"content": "b2g=", "encoding": "BASE64"}


def test_nobody_is_told_where_there_is_no_topic() -> None:
    quiet = invocation(NotificationConfig={})
    assert async_invocation.notice(quiet, ended=0.0, reason=None, content_type="", body=None) is None


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"ExplainerConfig": {}}, "explanations"),
        ({"AsyncInferenceConfig": config(S3OutputPath="https://b/x")}, "must be an S3 address"),
    ],
)
def test_what_cannot_be_had_is_refused_in_words(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        async_invocation.check_config({"AsyncInferenceConfig": config(), "ProductionVariants": [], **more}, {})
