"""The HTTP API of Docker and Podman over their Unix socket, as much of it as the engine needs.

Plain HTTP, so that no library stands between: a task's keeper is up in a tenth of what Docker's SDK takes to import.
https://docs.docker.com/reference/api/engine/
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

_VERSION: Final = "/v1.40"
"""Docker's since 2019, Podman's since 4."""
_PODMAN: Final = "/v4.0.0"
"""Of what Podman alone has."""
_TIMEOUT: Final = 60.0


class Refused(Exception):
    """The engine's answer was an error; the text is its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """One engine. Threads: may be called from any; each call has a connection of its own.

    Calls raise Refused for answers that are errors, and OSError when nobody answers.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = _TIMEOUT,
    ) -> Any:
        """The decoded answer; a list of all where it is a stream of JSON. `body` goes as JSON, bytes as a tar file."""
        connection = _Connection(self.path, timeout)
        kind = "application/x-tar" if isinstance(body, bytes) else "application/json"
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        target = (
            (_PODMAN if path.startswith("/libpod/") else _VERSION) + path + (f"?{urlencode(query)}" if query else "")
        )
        try:
            connection.request(method, target, data, {"Content-Type": kind, **(headers or {})})
            response = connection.getresponse()
            answer = response.read()
        except http.client.HTTPException as problem:
            raise ConnectionError(f"the engine broke off ({problem!r})") from problem
        finally:
            connection.close()
        if response.status >= 400:
            raise Refused(response.status, _message(answer))
        return _decoded(answer)

    def found(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """What is there; None for what is not."""
        try:
            return self.call("GET", path, query)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def remove(self, path: str) -> None:
        """Delete it by force, with what belongs to it. Silent for what is not there, or is being deleted."""
        try:
            self.call("DELETE", path, {"force": "1", "v": "1"})
        except Refused as refused:
            if refused.status not in (404, 409):
                raise


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _decoded(answer: bytes) -> Any:
    if not answer.strip():
        return None
    try:
        return json.loads(answer)
    except ValueError:
        return [json.loads(line) for line in answer.splitlines() if line.strip()]


def _message(answer: bytes) -> str:
    try:
        said = json.loads(answer)
        return str(said.get("message") or said.get("cause") or said).strip().rstrip(".")
    except (ValueError, AttributeError):
        return answer.decode(errors="replace").strip()[:500]
