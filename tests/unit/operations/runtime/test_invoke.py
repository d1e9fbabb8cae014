"""InvokeEndpoint: what a container sees and says, and what becomes of containers that misbehave."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sagewright.dataplane.inference import connection, containers
from sagewright.testing.asker import Asker

from .hosted import Behave, hosting, whole

ARN = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/e"


def invoke(asker: Asker, behave: Behave, **members: Any) -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        async with hosting(asker, behave) as hosted:
            return await hosted(**members)

    return asyncio.run(run())


def test_members_become_headers_and_headers_members(asker: Asker) -> None:
    seen: dict[str, Any] = {}

    async def model(body: bytes, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        seen.update(headers, body=body)
        writer.write(whole(b"said", "Content-Type: text/x", "X-Amzn-SageMaker-Custom-Attributes: back", "X-Other: o"))

    told = invoke(
        asker, model, Body=b"asked", ContentType="text/csv", Accept="text/x", CustomAttributes="c", InferenceId="i"
    )
    assert seen == {
        "Host": "model",
        "Content-Length": "5",
        "Content-Type": "text/csv",
        "Accept": "text/x",
        "X-Amzn-SageMaker-Custom-Attributes": "c",
        "X-Amzn-SageMaker-Inference-Id": "i",
        "body": b"asked",
    }
    assert (told["Body"], told["ContentType"], told["CustomAttributes"]) == (b"said", "text/x", "back")
    assert told["InvokedProductionVariant"] == "v"
    assert "x-other" not in told["ResponseMetadata"]["HTTPHeaders"]


@pytest.mark.parametrize(("status", "kind"), [(400, "client"), (415, "client"), (500, "server"), (503, "server")])
def test_a_models_failure_is_told_with_its_status_and_log(asker: Asker, status: int, kind: str) -> None:
    async def model(_: bytes, __: dict[str, str], writer: asyncio.StreamWriter) -> None:
        writer.write(whole("not so \N{SNOWMAN}".encode(), status=status))

    told = invoke(asker, model)
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert told["Error"]["Code"] == "ModelError"
    assert told["Error"]["Message"].startswith(f"Received {kind} error ({status}) from primary with message")
    assert (told["OriginalStatusCode"], told["OriginalMessage"]) == (status, "not so \N{SNOWMAN}")
    assert told["LogStreamArn"] == f"{ARN}:log-stream:v/i-0"


def test_a_model_that_hangs_is_not_waited_for(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "READ_TIMEOUT", 0.05)

    async def model(*_: object) -> None:
        await asyncio.sleep(30)

    told = invoke(asker, model)
    assert (told["Error"]["Code"], told["OriginalStatusCode"], told["LogStreamArn"]) == ("ModelError", 0, ARN)
    assert "Your invocation timed out while waiting for a response from container primary." in told["OriginalMessage"]


@pytest.mark.parametrize("answer", [b"what?\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 60_000])
def test_a_model_that_talks_nonsense_has_failed(asker: Asker, answer: bytes) -> None:
    async def model(_: bytes, __: dict[str, str], writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    told = invoke(asker, model)
    assert (told["Error"]["Code"], told["OriginalStatusCode"]) == ("ModelError", 0)


def test_an_answer_may_be_as_large_as_a_request(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_BODY", 1000)

    async def model(body: bytes, _: dict[str, str], writer: asyncio.StreamWriter) -> None:
        writer.write(whole(bytes(int(body))))

    async def run() -> None:
        async with hosting(asker, model) as hosted:
            assert len((await hosted(Body=b"1000"))["Body"]) == 1000
            assert "more than 1000 bytes" in (await hosted(Body=b"1001"))["OriginalMessage"]

    asyncio.run(run())


def test_one_that_ends_in_the_middle_may_be_asked_again(asker: Asker) -> None:
    async def model(_: bytes, __: dict[str, str], writer: asyncio.StreamWriter) -> None:
        writer.write(whole(b"half")[:-2])
        writer.close()

    told = invoke(asker, model)
    assert (told["ResponseMetadata"]["HTTPStatusCode"], told["Error"]["Code"]) == (503, "ServiceUnavailable")


def test_a_request_that_is_too_large_is_not_read(asker: Asker) -> None:
    async def model(*_: object) -> None:
        raise AssertionError

    told = invoke(asker, model, Body=bytes(25 * 2**20 + 1))
    assert (told["ResponseMetadata"]["HTTPStatusCode"], told["Error"]["Code"]) == (413, "413")
    assert told["Error"]["Message"] == "HTTP content length exceeded 26214400 bytes."


# Sessions.


async def remembering(body: bytes, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
    session = headers.get("X-Amzn-SageMaker-Session-Id", "none")
    if body == b"bye":
        writer.write(whole(b"", f"X-Amzn-SageMaker-Closed-Session-Id: {session}"))
    elif session == "NEW_SESSION":
        writer.write(whole(b"hello", f"X-Amzn-SageMaker-New-Session-Id: {body.decode()}"))
    else:
        writer.write(whole(f"{writer.get_extra_info('sockname')}"[-6:].encode()))


SOON = "2099-01-31T12:00:00Z"


def test_a_session_stays_where_it_was_begun(asker: Asker) -> None:
    async def run() -> None:
        async with hosting(asker, remembering, remembering, remembering) as hosted:
            places = set()
            for name in ("a", "b", "c"):
                begun = await hosted(SessionId="NEW_SESSION", Body=f"{name}; Expires={SOON}".encode())
                assert begun["NewSessionId"] == f"{name}; Expires={SOON}"
            for name in ("a", "b", "c"):
                answers = {(await hosted(SessionId=name))["Body"] for _ in range(4)}
                assert len(answers) == 1
                places |= answers
            assert len(places) == 3
            assert (await hosted(SessionId="a", Body=b"bye"))["ClosedSessionId"] == "a"
            gone = await hosted(SessionId="a")
            assert gone["Error"]["Code"] == "ValidationError"
            assert gone["Error"]["Message"].startswith("Session a not found in endpoint e: ")

    asyncio.run(run())


def test_a_session_runs_out(asker: Asker) -> None:
    async def run() -> None:
        async with hosting(asker, remembering) as hosted:
            await hosted(SessionId="NEW_SESSION", Body=b"a; Expires=2020-01-31T12:00:00Z")
            assert (await hosted(SessionId="a"))["Error"]["Code"] == "ValidationError"

    asyncio.run(run())


@pytest.mark.parametrize("said", [b"a", b"a; Expires=tomorrow", b"a; Expires=2099-13-31T12:00:00Z", b"-; Expires=x"])
def test_a_container_must_say_until_when(asker: Asker, said: bytes) -> None:
    told = invoke(asker, remembering, SessionId="NEW_SESSION", Body=said)
    assert told["Error"]["Code"] == "ModelError"
    assert "Expires=yyyy-mm-ddThh:mm:ssZ" in told["OriginalMessage"]
