"""Serve what an algorithm for texts has trained: JSON and JSON lines.

The forms are those of AWS's developer guide ("Input/Output Interface for the BlazingText Algorithm"):
`{"instances": ["a text", …], "configuration": {"k": 2}}`, or lines of `{"source": "a text", "k": 2}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import orjson

from sagewright_container.serving import algorithm_requests, content
from sagewright_container.serving.base import Request, Response
from sagewright_container.serving.errors import BadRequest

_MEDIA = (content.JSON, content.JSON_LINES)


class TextModel(Protocol):
    """A trained model of texts."""

    def answers(self, texts: Sequence[str], counts: Sequence[int]) -> list[dict[str, Any]]:
        """What is answered of each text; `counts` says how many labels of each."""


class TextHandler:
    """One model whose requests are texts."""

    def __init__(self, model: TextModel) -> None:
        self._model = model

    def execution_parameters(self) -> Mapping[str, Any]:
        """Lines go together."""
        return algorithm_requests.execution_parameters()

    def handle(self, request: Request) -> Response:
        """Raises UnsupportedContent, NotAcceptable, BadRequest."""
        media = algorithm_requests.content_type(request.content_type, _MEDIA, content.JSON)
        accept = algorithm_requests.accept(request.accept, _MEDIA, media)
        answers = self._model.answers(*_texts(request.body, media))
        if accept == content.JSON:
            return Response(orjson.dumps(answers), accept)
        return Response(b"".join(orjson.dumps(answer) + b"\n" for answer in answers), accept)


def _texts(body: bytes, media: str) -> tuple[list[str], list[int]]:
    """The texts, and how many labels each asks for. Raises BadRequest."""
    try:
        if media == content.JSON_LINES:
            lines = [content.from_json(line) for line in body.splitlines() if line.strip()]
            return [_text(line["source"]) for line in lines], [_count(line.get("k", 1)) for line in lines]
        value = content.from_json(body)
        texts = [_text(each) for each in value["instances"]]
        return texts, [_count((value.get("configuration") or {}).get("k", 1))] * len(texts)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        form = '{"source": "some words", "k": 1}' if media == content.JSON_LINES else '{"instances": ["some words"]}'
        raise BadRequest(f"The request is not of the form {form}: {error}") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    value.encode()  # half a surrogate pair is a ValueError
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 1 << 31:
        raise TypeError(f"k is {value!r}, and must be a whole number above 0")
    return value
