"""boto3 as a patient user has it: a call that got no answer is made again, until one comes. Of several servers,
another one is asked each time."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectionError,  # noqa: A004
    HTTPClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.parsers import ResponseParserError

from .server import Front

LOST = (
    ConnectionError,
    ConnectionClosedError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
    ResponseParserError,
)
SERVICES = ("sagemaker", "sagemaker-runtime", "s3", "logs", "sts", "iam")
PATIENCE = 120.0
"""Seconds until a call that is never answered counts as a failure."""


class Answer(NamedTuple):
    """What came back, and whether an earlier try without an answer may have been heard."""

    body: dict[str, Any]
    perhaps_twice: bool
    refusal: str
    """The error's code and message, '' where there is none."""


class Clients:
    """All of boto3's clients, for any thread."""

    def __init__(
        self,
        front: Front,
        environment: dict[str, str],
        acknowledged: Callable[[str], None],
        services: Sequence[str] = SERVICES,
    ) -> None:
        """`acknowledged` is called with the operation's name at each answer."""
        self._front = front
        self._acknowledged = acknowledged
        session = boto3.Session(
            environment["AWS_ACCESS_KEY_ID"],
            environment["AWS_SECRET_ACCESS_KEY"],
            environment["AWS_SESSION_TOKEN"],
            "us-east-1",
        )
        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=32, connect_timeout=5, read_timeout=60)
        self._clients = {
            (port, name): session.client(name, endpoint_url=f"http://127.0.0.1:{port}", config=config)
            for port in front.ports
            for name in services
        }
        self._turn = itertools.count()

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def at(self, port: int, service: str) -> Any:
        """The client of one server."""
        return self._clients[port, service]

    def once(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """One try. Raises ClientError where it is refused, one of LOST where there was no answer."""
        port = self._front.ports[next(self._turn) % len(self._front.ports)]
        body: dict[str, Any] = getattr(self.at(port, service), operation)(**params)
        if hasattr(body.get("Body"), "read"):
            body["Body"] = body["Body"].read()
        if _is_cut(body):
            raise ConnectionClosedError(endpoint_url=operation)
        self._acknowledged(operation)
        return body

    def __call__(self, service: str, operation: str, *, refused: Sequence[str] = (), **params: Any) -> Answer:
        """One operation, until it is answered. An error fails, unless its code or words are among `refused`."""
        deadline = time.monotonic() + PATIENCE
        tries = 0
        while True:
            assert time.monotonic() < deadline, f"{operation} got no answer within {PATIENCE} s"
            if not self._front.up.wait(1.0):
                continue
            tries += 1
            try:
                return Answer(self.once(service, operation, **params), tries > 1, "")
            except ReadTimeoutError:
                raise
            except LOST:
                time.sleep(0.005)
            except ClientError as error:
                refusal = f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
                if any(words in refusal for words in refused):
                    return Answer({}, tries > 1, refusal)
                raise AssertionError(f"{operation}({params}) was refused, try {tries}: {refusal}") from error


def _is_cut(body: dict[str, Any]) -> bool:
    """Whether the server died between the head of its answer and the body: boto3 takes that for an empty answer."""
    promised = int(body["ResponseMetadata"]["HTTPHeaders"].get("content-length", 0))
    return promised > len("{}") and set(body) == {"ResponseMetadata"}
