"""Requests to the model's server: on its Unix socket, or on the port that AWS's contract names."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sagewright_container.transform.errors import BadAnswer, NoAnswer, ServerEnded

_PING_S = 2.0
_PAUSE_S = 0.05
_FIRST_RETRY_S = 0.25
_CHUNK = 1 << 20
_AGAIN = frozenset({429, *range(500, 600)})


class Address:
    """Where a server listens: on a Unix socket, else on a port of this machine."""

    def __init__(self, path: str | None = None, port: int = 8080) -> None:
        self._path, self._port = path, port

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Address:
        """As the server itself finds where to listen: SAGEWRIGHT_BIND_UDS, SAGEMAKER_BIND_TO_PORT, 8080."""
        return cls(environ.get("SAGEWRIGHT_BIND_UDS"), int(environ.get("SAGEMAKER_BIND_TO_PORT") or 8080))

    def connection(self, timeout: float) -> http.client.HTTPConnection:
        """A connection that is not made yet."""
        if self._path:
            return _Unix(self._path, timeout)
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout)


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("model", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Made when the first request is."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def wait_until_ready(address: Address, ended: Callable[[], int | None], *, limit_s: float) -> None:
    """Until /ping answers 200. Raises ServerEnded when the server ends first, NoAnswer when its time is over."""
    until = time.monotonic() + limit_s
    while True:
        try:
            if _get(address, "/ping")[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        code = ended()
        if code is not None:
            raise ServerEnded(f"The model's server ended with exit code {code} before it answered /ping.")
        if time.monotonic() > until:
            raise NoAnswer(f"The model's server did not answer /ping within {limit_s:g} s.")
        time.sleep(_PAUSE_S)


def execution_parameters(address: Address) -> Mapping[str, Any]:
    """What the container offers; nothing where it has no such page."""
    try:
        status, body = _get(address, "/execution-parameters")
        found = json.loads(body) if status == 200 else {}
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _get(address: Address, path: str) -> tuple[int, bytes]:
    connection = address.connection(_PING_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Answer(NamedTuple):
    """What a container made of a payload."""

    body: bytes
    content_type: str | None


class Client:
    """One connection; for one thread."""

    def __init__(
        self,
        address: Address,
        headers: Mapping[str, str],
        ended: Callable[[], int | None],
        *,
        timeout_s: float,
        retries: int,
        chunked: bool = False,
    ) -> None:
        self._connection = address.connection(timeout_s)
        self._headers = dict(headers)
        self._ended = ended
        self._timeout_s, self._retries, self._chunked = timeout_s, retries, chunked

    def invoke(self, body: bytes | memoryview, content_type: str | None = None) -> Answer:
        """The answer to a payload, of this type if one is named. Tries again where another try may help.

        Raises BadAnswer, NoAnswer, ServerEnded.
        """
        for attempt in range(self._retries + 1):
            if attempt:
                time.sleep(_FIRST_RETRY_S * 2 ** (attempt - 1))
            try:
                status, answer = self._exchange(body, content_type)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                self._check_server()
                if attempt == self._retries:
                    raise NoAnswer(self._words(error)) from error
                continue
            if 200 <= status < 300:
                return answer
            if status not in _AGAIN or attempt == self._retries:
                raise BadAnswer(status, answer.body)
        raise AssertionError("the last attempt returns or raises")

    def _exchange(self, body: bytes | memoryview, content_type: str | None) -> tuple[int, Answer]:
        headers = {**self._headers, "Content-Type": content_type} if content_type else self._headers
        if self._chunked:
            self._connection.request("POST", "/invocations", _pieces(body), headers, encode_chunked=True)
        else:
            self._connection.request("POST", "/invocations", body, headers)
        answer = self._connection.getresponse()
        return answer.status, Answer(answer.read(), answer.getheader("Content-Type"))

    def _check_server(self) -> None:
        """A server that is about to end closes its connections first: give it a moment to be gone."""
        for _ in range(10):
            code = self._ended()
            if code is not None:
                raise ServerEnded(f"The model's server ended with exit code {code}.")
            time.sleep(_PAUSE_S)

    def _words(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"it did not answer within {self._timeout_s:g} s"
        return str(error) or type(error).__name__


def _pieces(body: bytes | memoryview) -> Iterator[bytes]:
    view = memoryview(body)
    for start in range(0, len(view), _CHUNK):
        yield bytes(view[start : start + _CHUNK])


class Pipeline:
    """Containers one after the other, each with a connection: each gets what the one before answered."""

    def __init__(self, clients: Sequence[Client]) -> None:
        self._clients = clients

    def invoke(self, body: bytes | memoryview) -> bytes:
        """What the last one answers. Raises as each of them."""
        answer = self._clients[0].invoke(body)
        for client in self._clients[1:]:
            answer = client.invoke(answer.body, answer.content_type)
        return answer.body
