"""InvokeEndpointWithResponseStream: events in order, and a last one that says why there are no more."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer

from sagewright.dataplane.inference import containers
from sagewright.testing.asker import Asker
from sagewright.testing.clock import pass_time

from .hosted import CHUNKED, Behave, chunk, hosting, whole

OPERATION = "InvokeEndpointWithResponseStream"


def stream(asker: Asker, behave: Behave, **members: Any) -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        async with hosting(asker, behave) as hosted:
            return await hosted(OPERATION, **members)

    return asyncio.run(run())


def events(answer: dict[str, Any]) -> list[tuple[str, bytes]]:
    """Kinds and payloads."""
    buffer = EventStreamBuffer()
    buffer.add_data(answer["Body"])
    read = list[Any](buffer)
    return [(each.headers.get(":event-type") or each.headers[":exception-type"], each.payload) for each in read]


async def counting(body: bytes, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
    """Streams as many numbers as it is asked for, then ends as the body says."""
    count, _, end = body.partition(b" ")
    writer.write(CHUNKED)
    for number in range(int(count)):
        writer.write(chunk(b"%d" % number))
        await asyncio.sleep(0.005)
    if end == b"break":
        writer.close()
    elif end == b"nonsense":
        writer.write(b"zzz\r\n")
    elif end == b"hang":
        await asyncio.sleep(0.05)  # who reads waits for more by then
        pass_time(containers.READ_TIMEOUT)
        await asyncio.sleep(3600)
    else:
        writer.write(b"0\r\n\r\n")


def test_pieces_become_events(asker: Asker) -> None:
    answer = stream(asker, counting, Body=b"3", Accept="text/plain")
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["content-type"] == "application/vnd.amazon.eventstream"
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/plain", "v")
    assert events(answer) == [("PayloadPart", b"0"), ("PayloadPart", b"1"), ("PayloadPart", b"2")]


def test_a_whole_answer_streams_too(asker: Asker) -> None:
    async def model(_: bytes, __: dict[str, str], writer: asyncio.StreamWriter) -> None:
        writer.write(whole(b"at once", "X-Amzn-SageMaker-Custom-Attributes: c"))

    answer = stream(asker, model)
    assert (events(answer), answer["CustomAttributes"]) == ([("PayloadPart", b"at once")], "c")


@pytest.mark.parametrize(
    ("end", "code"),
    [("break", "StreamBroken"), ("nonsense", "StreamBroken"), ("hang", "ModelInvocationTimeExceeded")],
)
def test_what_breaks_off_is_told_in_the_stream(asker: Asker, end: str, code: str) -> None:
    first, (kind, payload) = events(stream(asker, counting, Body=f"1 {end}".encode()))
    assert first == ("PayloadPart", b"0")
    assert (kind, json.loads(payload)["ErrorCode"]) == ("ModelStreamError", code)


def test_an_answer_may_not_stream_for_ever(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "STREAM_TIMEOUT", 0.1)
    *_, (kind, payload) = events(stream(asker, counting, Body=b"100"))
    assert (kind, json.loads(payload)["ErrorCode"]) == ("ModelStreamError", "ModelInvocationTimeExceeded")


def test_a_failure_before_the_stream_is_a_model_error(asker: Asker) -> None:
    async def model(_: bytes, __: dict[str, str], writer: asyncio.StreamWriter) -> None:
        writer.write(whole(b"no such prompt", status=400))

    told = stream(asker, model)
    assert (told["Error"]["Code"], told["OriginalMessage"]) == ("ModelError", "no such prompt")


def test_a_stream_begins_no_session(asker: Asker) -> None:
    assert stream(asker, counting, SessionId="NEW_SESSION")["Error"]["Code"] == "ValidationError"


def test_an_instance_is_at_a_request_until_its_answer_has_ended(asker: Asker) -> None:
    async def run() -> None:
        async with hosting(asker, counting) as hosted:
            asked = asyncio.create_task(hosted(OPERATION, Body=b"20"))
            (instance,) = asker.server.app.services.inference._instances.known.values()
            while not instance.outstanding:
                await asyncio.sleep(0.001)
            assert not asked.done()
            await asked
            assert instance.outstanding == 0

    asyncio.run(run())
