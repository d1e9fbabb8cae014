"""Serve what IP Insights has trained: pairs of an entity and an address in CSV, JSON and JSON lines.

The forms are those of AWS's developer guide ("IP Insights Inference Data Formats"). `Accept: application/json;
verbose=True` asks for both vectors beside their product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from sagewright_container.algorithms import ip_embeddings, ip_pairs
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.serving import algorithm_requests, content
from sagewright_container.serving.base import Request, Response
from sagewright_container.serving.errors import BadRequest

_MEDIA = (content.CSV, content.JSON, content.JSON_LINES)
_ACCEPTS = (content.JSON, content.JSON_LINES)


class PairHandler:
    """One model whose requests are pairs."""

    def __init__(self, model: ip_embeddings.Network) -> None:
        self._model = model

    def execution_parameters(self) -> Mapping[str, Any]:
        """Lines go together."""
        return algorithm_requests.execution_parameters()

    def handle(self, request: Request) -> Response:
        """Raises UnsupportedContent, NotAcceptable, BadRequest."""
        media = algorithm_requests.content_type(request.content_type, _MEDIA, content.CSV)
        accept = algorithm_requests.accept(request.accept, _ACCEPTS, content.JSON)
        try:
            pairs = ip_pairs.numbers(_pairs(request.body, media), self._model.shape[0])
        except (ClientError, ValueError, KeyError, TypeError) as error:
            raise BadRequest(f"Unable to evaluate payload provided: {error}") from error
        answers = self._answers(pairs, verbose=_verbose(request.accept))
        if accept == content.JSON:
            return Response(orjson.dumps({"predictions": answers}), accept)
        return Response(b"".join(orjson.dumps(answer) + b"\n" for answer in answers), accept)

    def _answers(self, pairs: ip_pairs.Pairs, *, verbose: bool) -> list[dict[str, Any]]:
        dots, entities, addresses = ip_embeddings.vectors(self._model, pairs)
        answers: list[dict[str, Any]] = [{"dot_product": dot} for dot in dots.tolist()]
        if verbose:
            for answer, entity, address in zip(answers, entities.tolist(), addresses.tolist(), strict=True):
                answer.update(ip_embedding=address, entity_embedding=entity)
        return answers


def _verbose(accept: str) -> bool:
    return "verbose=true" in accept.replace(" ", "").lower()


def _pairs(body: bytes, media: str) -> list[tuple[str, Sequence[Any]]]:
    if media == content.CSV:
        return list(ip_pairs.lines(body))
    if media == content.JSON_LINES:
        lines = [(f"Line {number}", line) for number, line in enumerate(body.splitlines(), 1) if line.strip()]
        return [(place, _features(content.from_json(line))) for place, line in lines]
    value = content.from_json(body)
    if not isinstance(value, dict) or not isinstance(value.get("instances"), list):
        raise ClientError('It is not of the form {"instances": [{"features": ["an entity", "10.0.0.1"]}]}.')
    return [(f"Instance {number}", _features(each)) for number, each in enumerate(value["instances"], 1)]


def _features(instance: Any) -> Sequence[Any]:
    match instance:
        case {"features": list() as values}:
            return values
        case {"data": {"features": {"values": list() as values}}}:
            return values
    raise ClientError(f'{str(instance)[:80]} has no features: write {{"features": ["an entity", "10.0.0.1"]}}.')
