"""InvokeEndpointWithResponseStream: what a model says, while it says it."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import EventStreamError

from .refusals import refusal


@pytest.fixture(scope="module")
def runtime() -> Any:
    return boto3.client("sagemaker-runtime")


def asked(runtime: Any, endpoint: str, **told: Any) -> Any:
    return runtime.invoke_endpoint_with_response_stream(
        EndpointName=endpoint, ContentType="application/json", Accept="text/plain", Body=json.dumps(told)
    )


def test_words_come_one_by_one(runtime: Any, talker: str) -> None:
    answer = asked(runtime, talker, words=5, pause=0.05)
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/plain", "AllTraffic")
    parts = [event["PayloadPart"]["Bytes"] for event in answer["Body"]]
    assert b"".join(parts) == b"word0 word1 word2 word3 word4 "
    assert len(parts) > 1  # they were not gathered first


def test_a_whole_answer_comes_as_one_part(runtime: Any, talker: str) -> None:
    answer = asked(runtime, talker, echo="hello")
    assert json.loads(b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"]))["echo"] == "hello"


def test_much_comes_whole(runtime: Any, talker: str) -> None:
    answer = asked(runtime, talker, bytes=20_000_000)
    assert sum(len(event["PayloadPart"]["Bytes"]) for event in answer["Body"]) == 20_000_000


def test_a_model_that_fails_on_the_way_says_so_in_the_stream(runtime: Any, talker: str) -> None:
    answer = asked(runtime, talker, words=2, **{"raise": "lost for words"})
    parts: list[bytes] = []
    with pytest.raises(EventStreamError) as caught:
        parts.extend(event["PayloadPart"]["Bytes"] for event in answer["Body"])
    assert b"".join(parts) == b"word0 word1 "
    assert caught.value.response["Error"]["Code"] == "ModelStreamError"


def test_a_model_that_fails_at_once_is_a_model_error(runtime: Any, talker: str) -> None:
    with pytest.raises(runtime.exceptions.ModelError) as caught:
        asked(runtime, talker)
    assert caught.value.response["OriginalStatusCode"] == 500
    assert ":log-stream:AllTraffic/" in caught.value.response["LogStreamArn"]


def test_who_stops_reading_stops_the_model(runtime: Any, talker: str) -> None:
    # Each instance makes one answer at a time: neither could answer while it still made one for somebody who left.
    for _ in range(4):
        answer = asked(runtime, talker, words=100_000, pause=0.01)
        next(iter(answer["Body"]))
        answer["Body"].close()
    answers = (asked(runtime, talker, words=1)["Body"] for _ in range(2))
    assert [b"".join(event["PayloadPart"]["Bytes"] for event in body) for body in answers] == [b"word0 "] * 2


def test_streams_of_nobody_are_refused(runtime: Any) -> None:
    code, message = refusal(runtime.invoke_endpoint_with_response_stream, EndpointName="nobody", Body=b"")
    assert (code, message) == ("ValidationError", "Endpoint nobody of account 123456789012 not found.")
