"""Stateful sessions: a conversation stays with the instance that it began at."""

import json
from typing import Any

import boto3
import pytest

from .refusals import refusal


class Conversation:
    """Talks to the model in a session."""

    def __init__(self, endpoint: str, session: str) -> None:
        self.runtime = boto3.client("sagemaker-runtime")
        self.endpoint, self.session = endpoint, session

    def __call__(self, session: str | None = None, **told: Any) -> dict[str, Any]:
        answer = self.runtime.invoke_endpoint(
            EndpointName=self.endpoint,
            ContentType="application/json",
            SessionId=session or self.session,
            Body=json.dumps(told),
        )
        return {**answer, "Body": json.loads(answer["Body"].read())}

    def begin(self, **told: Any) -> dict[str, Any]:
        return self("NEW_SESSION", begin=self.session, **told)


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_what_was_said_is_known_where_it_was_said(talker: str, name: str) -> None:
    talk = Conversation(talker, name)
    begun = talk.begin()
    session, _, expires = begun["NewSessionId"].partition("; Expires=")
    assert session == name
    assert expires.endswith("Z")
    said = [talk(say=number) for number in range(4)]
    assert said[-1]["Body"]["said"] == [0, 1, 2, 3]
    assert {answer["Body"]["pid"] for answer in said} == {begun["Body"]["pid"]}
    ended = talk(end=True)
    assert (ended["ClosedSessionId"], ended["Body"]) == (name, [0, 1, 2, 3])
    code, message = refusal(talk, say="more")
    assert code == "ValidationError"
    assert message.startswith(f"Session {name} not found in endpoint {talker}")


def test_a_session_is_over_when_its_time_is(talker: str) -> None:
    talk = Conversation(talker, "brief")
    talk.begin(seconds=-1)
    assert refusal(talk, say="late")[0] == "ValidationError"


def test_a_session_that_nobody_began_is_none(talker: str) -> None:
    assert refusal(Conversation(talker, "unheard-of"), say="hello")[0] == "ValidationError"


def test_a_stream_may_be_of_a_session_but_not_begin_one(talker: str) -> None:
    talk = Conversation(talker, "streamed")
    talk.begin()
    asked = {"EndpointName": talker, "ContentType": "application/json"}
    stream = talk.runtime.invoke_endpoint_with_response_stream
    answer = stream(**asked, SessionId="streamed", Body=json.dumps({"say": "hello"}))
    assert json.loads(b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"]))["said"] == ["hello"]
    code, message = refusal(stream, **asked, SessionId="NEW_SESSION", Body=b"{}")
    assert code in ("ValidationError", "ParamValidationError"), message
