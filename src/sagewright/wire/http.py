"""The two values that a protocol knows: a request as it came in, a response as it will go out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sagewright.base.values import frozen

Headers = Mapping[str, str]
"""Lower-case header names to values; a header sent twice is joined with a comma.

Values are the wire's bytes read as latin-1, so that signatures over other encodings can be checked."""

Body = bytes | AsyncIterator[bytes]


@frozen
class Request:
    """An HTTP request. `path` and `query` are raw, as on the request line: signatures need that."""

    method: str
    path: str
    query: str = ""
    headers: Headers = field(default_factory=dict)
    body: Any = b""
    """The whole body as bytes, or, for operations whose payload streams, whatever object reads the stream."""


@dataclass(slots=True)
class Response:
    """An HTTP response. `body` is bytes, or an asynchronous iterator when it streams."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Body = b""
