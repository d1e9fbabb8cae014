"""Serve what Sequence-to-Sequence has trained: sentences as JSON, or their words' numbers as records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sagewright_container import recordio
from sagewright_container.algorithms import seq2seq_text
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.serving import content
from sagewright_container.serving.base import Request, Response, acceptable, media_type
from sagewright_container.serving.errors import BadRequest, NotAcceptable, UnsupportedContent
from sagewright_container.serving.json_algorithm import JsonHandler, JsonModel


class SequenceModel(JsonModel, Protocol):
    """What was trained, loaded to translate."""

    sources: int
    """Words that it knows."""

    def numbers(self, sources: Sequence[Sequence[int]]) -> list[list[int]]:
        """The translations of words that are numbers."""


class SequenceHandler(JsonHandler):
    """Records are answered with records."""

    def __init__(self, model: SequenceModel) -> None:
        super().__init__(model)
        self._sequences = model

    def handle(self, request: Request) -> Response:
        """Raises UnsupportedContent, NotAcceptable, BadRequest."""
        if media_type(request.content_type) != content.RECORDIO:
            return super().handle(request)
        accept = acceptable(request.accept, {content.RECORDIO: None}, content.RECORDIO)
        if accept != content.RECORDIO:
            raise NotAcceptable(f"Accept type {accept} is not supported: records are answered as {content.RECORDIO}.")
        try:
            sources = [
                seq2seq_text.sequence(record, "source", self._sequences.sources, f"Record {number}")
                for number, record in enumerate(recordio.read(request.body), 1)
            ]
        except recordio.FormatError as error:
            raise UnsupportedContent(f"The request could not be read as {content.RECORDIO}: {error}") from error
        except ClientError as error:
            raise BadRequest(f"Unable to evaluate payload provided: {error}") from error
        answers = [{"target": words} for words in self._sequences.numbers(sources)]
        return Response(recordio.write_integers(answers), content.RECORDIO)
