"""An invocation, unread, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

INVOCATIONS: Final = "/invocations"


class Rest(Protocol):
    """What of an answer is still to come, in pieces. Whoever has it reads it to its end, or closes it."""

    def __aiter__(self) -> Rest: ...

    async def __anext__(self) -> bytes:
        """Raises Unreachable where it breaks off; TimeoutError."""
        ...

    async def aclose(self) -> None: ...

    def first(self, told: Callable[[], None]) -> None:
        """Have `told` called when the first piece is there."""
        ...

    def then(self, done: Callable[[bool], None]) -> None:
        """Have `done` called when there is no more to come; it is told whether that is the server's failure."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model server answered. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    rest: Rest | None = None
    """Of an answer that streams, in place of the body."""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of an endpoint: the body and the headers that a container may see, and who should answer."""

    body: bytes
    headers: Sequence[tuple[str, str]] = ()
    variant: str | None = None
    container: str | None = None
    """The hostname of one of the variant's containers."""
    model: str | None = None
    """Of those behind a multi-model container: its key below their prefix."""
    component: str | None = None
    """An inference component of the endpoint."""
    session: str | None = None
    streams: bool = False
    """Whether the answer is wanted while it comes."""
    received: float | None = None
    """When the request came in, by the clock's monotonic time."""

    def request(self, path: str = INVOCATIONS) -> bytes:
        """As an HTTP/1.1 request."""
        return http_request(path, self.headers, self.body)


def http_request(path: str, headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """A POST as model servers get it."""
    return http_head(path, headers, len(body)) + body


def http_head(path: str, headers: Sequence[tuple[str, str]], length: int) -> bytes:
    """Of a POST with a body of `length` bytes."""
    lines = [f"POST {path} HTTP/1.1\r\nHost: model\r\nContent-Length: {length}\r\n"]
    lines += [f"{name}: {_one_line(value)}\r\n" for name, value in headers]
    lines.append("\r\n")
    return "".join(lines).encode("latin-1", "replace")


def _one_line(value: str) -> str:
    """A header value that cannot begin another header."""
    return value.replace("\r", " ").replace("\n", " ") if "\r" in value or "\n" in value else value
