"""Serve what an algorithm for images has trained: one image a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sagewright_container.algorithms.errors import ClientError
from sagewright_container.serving import algorithm_requests
from sagewright_container.serving.base import Request, Response, acceptable, media_type
from sagewright_container.serving.errors import BadRequest, NotAcceptable


class ImageModel(Protocol):
    """A trained network. The first of `accepts` is what is answered where a request says nothing."""

    content_types: Sequence[str]
    accepts: Sequence[str]

    def answer(self, data: bytes, accept: str) -> bytes:
        """What is answered of an encoded image. Raises ClientError."""


class ImageHandler:
    """One model whose requests are images."""

    def __init__(self, model: ImageModel) -> None:
        self._model = model

    def execution_parameters(self) -> Mapping[str, Any]:
        """An image is no record among others."""
        return algorithm_requests.execution_parameters("SINGLE_RECORD")

    def handle(self, request: Request) -> Response:
        """Raises UnsupportedContent, NotAcceptable, BadRequest."""
        if media := media_type(request.content_type):
            algorithm_requests.content_type(media, self._model.content_types, media)
        accepts = self._model.accepts
        accept = acceptable(request.accept, accepts, accepts[0])
        if accept == "image/*" and "image/png" in accepts:
            accept = "image/png"
        if accept not in accepts:
            raise NotAcceptable(f"Accept type {accept} is not supported: it is one of {', '.join(accepts)}.")
        try:
            return Response(self._model.answer(request.body, accept), accept)
        except ClientError as error:
            raise BadRequest(f"Unable to evaluate payload provided: {error}") from error
