"""What the server and the neighbours' process say to each other: values with their length in front.

Both ends are this installation's, run by the same interpreter, on a socket that nobody else can open. That is what
marshal is for: plain values, without the imports and calls that a pickle could ask for.
"""

from __future__ import annotations

import marshal
import socket
import struct
from dataclasses import dataclass
from typing import Any, Final

_LENGTH: Final = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class Question:
    """One operation to do."""

    number: int
    """Counts up while a server lives: a question that is asked again keeps its number."""
    settled: int
    """All answers to lower numbers have arrived."""
    service: str
    operation: str
    params: dict[str, Any]
    account: str
    region: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question: a result or a refusal."""

    number: int
    result: dict[str, Any] | None
    code: str = ""
    message: str = ""
    status: int = 400


def question_bytes(question: Question) -> bytes:
    """A question as it travels. Raises ValueError for values that are not plain."""
    values = (question.number, question.settled, question.service, question.operation, question.params)
    return _framed((*values, question.account, question.region))


def answer_bytes(answer: Answer) -> bytes:
    """An answer as it travels. Raises ValueError for values that are not plain."""
    return _framed((answer.number, answer.result, answer.code, answer.message, answer.status))


def read_question(stream: socket.socket) -> Question | None:
    """The next one; None when the other end is gone."""
    values = _next(stream)
    return None if values is None else Question(*values)


def read_answer(stream: socket.socket) -> Answer | None:
    """The next one; None when the other end is gone."""
    values = _next(stream)
    return None if values is None else Answer(*values)


def _framed(values: tuple[Any, ...]) -> bytes:
    body = marshal.dumps(values)
    return _LENGTH.pack(len(body)) + body


def _next(stream: socket.socket) -> tuple[Any, ...] | None:
    head = _exactly(stream, _LENGTH.size)
    body = None if head is None else _exactly(stream, _LENGTH.unpack(head)[0])
    if body is None:
        return None
    values: tuple[Any, ...] = marshal.loads(body)  # noqa: S302
    return values


def _exactly(stream: socket.socket, length: int) -> bytes | None:
    piece = bytearray(length)
    view, position = memoryview(piece), 0
    while position < length:
        try:
            got = stream.recv_into(view[position:])
        except OSError:
            return None
        if got == 0:
            return None
        position += got
    return bytes(piece)
