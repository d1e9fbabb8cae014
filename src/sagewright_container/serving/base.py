"""The port between the HTTP side and a framework: a handler answers one request with one response."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol


class Headers(Mapping[str, str]):
    """A request's headers by their names in lower case, decoded when they are asked for: most never are."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Sequence[tuple[bytes, bytes]]) -> None:
        self._raw = raw

    def __getitem__(self, name: str) -> str:
        found: str | None = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def get(self, name: str, default: Any = None) -> Any:
        """The first header of the name."""
        wanted = name.encode("latin-1", "replace")
        for key, value in self._raw:
            if key == wanted:
                return value.decode("latin-1")
        return default

    def __iter__(self) -> Iterator[str]:
        return iter({key.decode("latin-1"): None for key, _ in self._raw})

    def __len__(self) -> int:
        return len({key for key, _ in self._raw})


class Request(NamedTuple):
    """One invocation. Headers absent from the request are empty; `headers` holds all, names in lower case."""

    body: bytes
    content_type: str
    accept: str
    headers: Mapping[str, str]


class Response(NamedTuple):
    """What is sent back."""

    body: bytes
    content_type: str
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    stream: Iterator[Any] | AsyncIterator[Any] | None = None
    """Where the body is made while it is sent: pieces of text or bytes; `body` is empty then."""


class Handler(Protocol):
    """One loaded model. Called from one thread at a time, and never before it has been loaded."""

    def handle(self, request: Request) -> Response:
        """Answer one request. Raises ServingError, or whatever the user's code raises."""

    def execution_parameters(self) -> Mapping[str, Any] | None:
        """What batch transform should use (AWS's GET /execution-parameters); None: its defaults (404)."""


def media_type(header: str) -> str:
    """`Text/CSV; charset=utf-8` → `text/csv`."""
    return header.partition(";")[0].strip().lower()


def acceptable(header: str, supported: Collection[str], default: str) -> str:
    """The first of the supported forms that an Accept header names; `default` when it names none in particular.

    Answers the first named form, supported or not, when nothing fits: the caller refuses it by its name.
    """
    named = [media_type(part) for part in header.split(",") if part.strip()]
    for name in named:
        if name in supported:
            return name
        if name in ("*/*", "application/*", "text/*"):
            return default
    return named[0] if named else default
