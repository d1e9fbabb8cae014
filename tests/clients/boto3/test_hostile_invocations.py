"""Invocations that are too large, slow, half there, wrongly typed or wrongly signed: each has its error, or loses its
connection, and whoever else asks at that moment does not notice."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config

from .refusals import refusal

BODY = json.dumps({"echo": "hello"}).encode()
LIMIT = 25 * 2**20


@dataclass
class Caller:
    """Speaks HTTP by hand."""

    endpoint: str
    url: str
    sockets: ExitStack = field(default_factory=ExitStack)

    @property
    def path(self) -> str:
        return f"/endpoints/{self.endpoint}/invocations"

    def signed(self, body: bytes = BODY, service: str = "sagemaker", region: str = "us-east-1", **headers: str) -> str:
        """The head of a request that is signed over this body, but for its length and its end."""
        sent = {"Content-Type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
        request = AWSRequest("POST", self.url + self.path, sent, body)
        session = boto3.session.Session()
        SigV4Auth(session.get_credentials().get_frozen_credentials(), service, region).add_auth(request)
        lines = (f"POST {self.path} HTTP/1.1", f"Host: {self.url.rpartition('/')[2]}")
        return "\r\n".join((*lines, *(f"{name}: {value}" for name, value in request.headers.items()), ""))

    def open(self) -> socket.socket:
        host, _, port = self.url.rpartition("/")[2].partition(":")
        return self.sockets.enter_context(socket.create_connection((host, int(port)), timeout=120))

    def ask(self, sent: bytes | str) -> tuple[int, dict[str, str], bytes]:
        """The answer to these bytes: status, headers, body."""
        connection = self.open()
        connection.sendall(sent.encode() if isinstance(sent, str) else sent)
        return answer(connection)

    def code(self, sent: bytes | str) -> tuple[int, str]:
        """Status and error code."""
        status, headers, body = self.ask(sent)
        return status, headers.get("x-amzn-errortype") or json.loads(body).get("__type", "")


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    with connection.makefile("rb") as file:
        status = int(file.readline().split()[1])
        lines = iter(lambda: file.readline().decode("latin-1").strip(), "")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return status, headers, file.read(int(headers.get("content-length", "0")))


@pytest.fixture
def caller(talker: str) -> Iterator[Caller]:
    caller = Caller(talker, boto3.client("sagemaker-runtime").meta.endpoint_url)
    with caller.sockets:
        yield caller


@pytest.fixture(scope="module")
def strict() -> Any:
    """A client that never tries again."""
    return boto3.client("sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture(autouse=True)
def neighbour(strict: Any, talker: str, caller: Caller) -> Iterator[None]:
    """Somebody else who asks while the hostile connections are still open, and is answered."""
    yield
    answer = strict.invoke_endpoint(EndpointName=talker, ContentType="application/json", Body=BODY)
    assert json.loads(answer["Body"].read())["echo"] == "hello"


def test_what_is_too_large_is_refused(strict: Any, talker: str) -> None:
    code, message = refusal(strict.invoke_endpoint, EndpointName=talker, Body=bytes(LIMIT + 1))
    assert (code, message) == ("413", f"HTTP content length exceeded {LIMIT} bytes.")


def test_what_is_announced_as_too_large_is_not_waited_for(caller: Caller) -> None:
    assert caller.code(caller.signed() + f"Content-Length: {10**12}\r\n\r\nbeginning") == (413, "413")


def test_what_grows_too_large_is_refused_on_the_way(caller: Caller) -> None:
    chunk = b"100000\r\n" + bytes(2**20) + b"\r\n"
    sent = (caller.signed() + "Transfer-Encoding: chunked\r\n\r\n").encode() + chunk * 26
    assert caller.code(sent + b"0\r\n\r\n") == (413, "413")


def test_the_largest_there_may_be_is_taken(strict: Any, talker: str) -> None:
    body = b'{"echo": 1' + b" " * (LIMIT - 11) + b"}"
    answer = strict.invoke_endpoint(EndpointName=talker, ContentType="application/json", Body=body)
    assert json.loads(answer["Body"].read())["echo"] == 1


def test_a_body_may_come_in_chunks(caller: Caller) -> None:
    sent = caller.signed() + f"Transfer-Encoding: chunked\r\n\r\n{len(BODY):x}\r\n{BODY.decode()}\r\n0\r\n\r\n"
    assert caller.ask(sent)[0] == 200


def whole(head: str, body: bytes = BODY) -> bytes:
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def test_those_who_never_finish_keep_nobody_busy(caller: Caller) -> None:
    ask = whole(caller.signed())
    for size in (0, 1, 30, len(ask) - len(BODY) - 3, len(ask) - len(BODY), len(ask) - 1):
        for _ in range(20):
            caller.open().sendall(ask[:size])


def test_those_who_leave_in_the_middle_are_forgotten(caller: Caller) -> None:
    ask = whole(caller.signed())
    for size in range(1, len(ask), 40):
        with caller.open() as connection:
            connection.sendall(ask[:size])


def test_a_length_that_is_too_small_breaks_the_signature(caller: Caller) -> None:
    assert caller.code(caller.signed() + f"Content-Length: 5\r\n\r\n{BODY.decode()}") == (
        403,
        "InvalidSignatureException",
    )


@pytest.mark.parametrize("length", ["-1", "five", "5, 6", "1\r\nContent-Length: 2", "1\r\nTransfer-Encoding: chunked"])
def test_a_length_that_is_none_is_refused(caller: Caller, length: str) -> None:
    assert caller.ask(caller.signed() + f"Content-Length: {length}\r\n\r\nabcde")[0] == 400


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Amzn-SageMaker-Custom-Attributes", "x" * 1025),
        ("X-Amzn-SageMaker-Custom-Attributes", "größer"),
        ("Accept", "\N{SNOWMAN}"),
        ("X-Amzn-SageMaker-Inference-Id", "i" * 65),
        ("X-Amzn-SageMaker-Target-Variant", "no_such name"),
        ("X-Amzn-SageMaker-Session-Id", "-"),
    ],
)
def test_headers_that_do_not_fit_are_refused(caller: Caller, header: str, value: str) -> None:
    head = caller.signed() + f"{header}: {value}\r\n"  # the signature need not cover it
    assert caller.code(whole(head)) == (400, "ValidationError")


def test_heads_without_end_are_cut_off(caller: Caller) -> None:
    assert caller.ask(caller.signed() + "X-More: " + "m" * 200_000)[0] == 431
    assert caller.ask(caller.signed() + "X-More: m\r\n" * 1000)[0] == 431


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"hello\r\n\r\n", bytes(5000)])
def test_what_is_no_http_is_refused(caller: Caller, sent: bytes) -> None:
    assert caller.ask(sent)[0] == 400


def test_who_does_not_sign_is_nobody(caller: Caller) -> None:
    head = f"POST {caller.path} HTTP/1.1\r\nHost: h\r\n"
    assert caller.code(whole(head)) == (403, "MissingAuthenticationTokenException")


def test_who_signs_wrongly_is_refused(caller: Caller) -> None:
    head = caller.signed()
    assert caller.code(whole(head, b"something else")) == (403, "InvalidSignatureException")
    assert caller.code(whole(head.replace("Signature=", "Signature=0"))) == (403, "InvalidSignatureException")
    assert caller.code(whole(head.replace("Credential=ASIA", "Credential=ASIB")))[0] in (400, 403)


def test_a_signature_for_somewhere_else_does_not_count(caller: Caller) -> None:
    for service, region in (("kms", "us-east-1"), ("sagemaker", "nowhere at all")):
        status, _, _ = caller.ask(whole(caller.signed(service=service, region=region)))
        assert 400 <= status < 500


def test_a_signature_counts_for_a_while(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = whole(caller.signed())
    assert [caller.ask(ask)[0] for _ in range(2)] == [200, 200]
    for minutes, status in ((-20, 403), (-10, 200), (10, 200), (20, 403)):
        at = datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=minutes)
        monkeypatch.setattr("botocore.auth.get_current_datetime", lambda at=at: at)
        assert caller.ask(whole(caller.signed()))[0] == status


def test_requests_in_one_go_are_answered_in_order(caller: Caller) -> None:
    connection = caller.open()
    asks = [json.dumps({"echo": number}).encode() for number in range(20)]
    connection.sendall(b"".join(whole(caller.signed(ask), ask) for ask in asks))
    assert [json.loads(answer_of(connection))["echo"] for _ in asks] == [*range(20)]


def answer_of(connection: socket.socket) -> bytes:
    """One answer, no byte further."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return connection.recv(length, socket.MSG_WAITALL)


def test_many_may_be_connected_and_say_nothing(caller: Caller) -> None:
    for _ in range(400):
        caller.open()


def test_who_asks_and_does_not_read_holds_only_himself(caller: Caller) -> None:
    ask = json.dumps({"bytes": 5_000_000}).encode()
    for _ in range(4):
        caller.open().sendall(whole(caller.signed(ask), ask) * 2)


# Models that misbehave.


def test_a_model_that_dies_takes_nobody_along(strict: Any, talker: str) -> None:
    asked = {"EndpointName": talker, "ContentType": "application/json"}
    code, _ = refusal(strict.invoke_endpoint, **asked, Body=b'{"die": true}')
    assert code in ("ModelError", "ServiceUnavailable")
    patient = boto3.client("sagemaker-runtime")
    for _ in range(10):
        patient.invoke_endpoint(**asked, Body=BODY)


def test_an_answer_that_is_too_large_is_a_model_error(strict: Any, talker: str) -> None:
    ask = json.dumps({"bytes": LIMIT + 1})
    code, message = refusal(strict.invoke_endpoint, EndpointName=talker, ContentType="application/json", Body=ask)
    assert code == "ModelError"
    assert f"more than {LIMIT} bytes" in message
