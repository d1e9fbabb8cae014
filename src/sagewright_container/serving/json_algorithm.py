"""Serve what an algorithm has trained whose requests are JSON: objects, as one document or one on each line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import orjson

from sagewright_container.algorithms.errors import ClientError
from sagewright_container.serving import algorithm_requests, content
from sagewright_container.serving.base import Request, Response
from sagewright_container.serving.errors import BadRequest, UnsupportedContent

CONTENT_TYPES = (content.JSON, content.JSON_LINES)

Instance = Mapping[str, Any]


class JsonModel(Protocol):
    """What was trained, loaded to answer."""

    def answer(self, instances: Sequence[Instance], options: Mapping[str, Any]) -> Sequence[Instance]:
        """One object for each instance. Raises ClientError.

        `options` are the request's `configuration` and the parameters of its content type.
        """


class JsonHandler:
    """`{"instances": […], "configuration": {…}}` is answered with `{"predictions": […]}`, lines with lines."""

    def __init__(self, model: JsonModel) -> None:
        self._model = model

    def execution_parameters(self) -> Mapping[str, Any]:
        """As AWS's images answer."""
        return algorithm_requests.execution_parameters()

    def handle(self, request: Request) -> Response:
        """Raises UnsupportedContent, NotAcceptable, BadRequest."""
        media = algorithm_requests.content_type(request.content_type, CONTENT_TYPES, content.JSON)
        accept = algorithm_requests.accept(request.accept, CONTENT_TYPES, media)
        instances, options = _lines(request.body) if media == content.JSON_LINES else _document(request.body)
        try:
            answers = self._model.answer(instances, {**_parameters(request.content_type), **options})
        except ClientError as error:
            raise BadRequest(f"Unable to evaluate payload provided: {error}") from error
        return Response(encode(answers, accept), accept)


def encode(answers: Sequence[Instance], media: str) -> bytes:
    """Answers as one document, or one on each line."""
    if media == content.JSON:
        return orjson.dumps({"predictions": answers}, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"".join(
        orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE) for answer in answers
    )


def _document(body: bytes) -> tuple[list[Instance], Mapping[str, Any]]:
    value = _read(body, "The request")
    if not isinstance(value, dict) or not isinstance(value.get("instances"), list):
        raise UnsupportedContent('The request is not of the form {"instances": [{…}, …]}.')
    options = value.get("configuration") or {}
    if not isinstance(options, dict):
        raise UnsupportedContent("The request's configuration is no object.")
    for number, instance in enumerate(value["instances"], 1):
        if not isinstance(instance, dict):
            raise UnsupportedContent(f"Instance {number} is no object.")
    return value["instances"], options


def _lines(body: bytes) -> tuple[list[Instance], Mapping[str, Any]]:
    instances: list[Instance] = []
    for number, line in enumerate(body.splitlines(), 1):
        if line.strip():
            value = _read(line, f"Line {number}")
            if not isinstance(value, dict):
                raise UnsupportedContent(f"Line {number} is no JSON object.")
            instances.append(value)
    return instances, {}


def _read(body: bytes, what: str) -> Any:
    try:
        return content.from_json(body)
    except ValueError as error:
        raise UnsupportedContent(f"{what} is not JSON: {error}") from error


def _parameters(content_type: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in content_type.split(";")[1:] if "=" in part)
    return {key.strip().lower(): value.strip() for key, _, value in pairs}
