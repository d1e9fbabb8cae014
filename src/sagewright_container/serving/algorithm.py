"""Serve what a built-in algorithm has trained: decode, predict, encode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagewright_container.algorithms import catalog
from sagewright_container.algorithms.base import Handled, Model, Verbose
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.contract import Contract
from sagewright_container.serving import algorithm_requests, content, record_content
from sagewright_container.serving.base import Handler, Request, Response, media_type
from sagewright_container.serving.errors import BadRequest


def load(contract: Contract, name: str) -> Handler:
    """The model of the algorithm `name`, with its own handler where its requests are no rows of numbers."""
    algorithm = catalog.load(name)
    if isinstance(algorithm, Handled):
        handler: Handler = algorithm.handler(contract.model_dir)
        return handler
    return ModelHandler(algorithm.load(contract.model_dir))


class ModelHandler:
    """One model whose rows are tables' rows."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def execution_parameters(self) -> Mapping[str, Any]:
        """As AWS's images answer."""
        return algorithm_requests.execution_parameters()

    def handle(self, request: Request) -> Response:
        """Raises UnsupportedContent, NotAcceptable, BadRequest."""
        media = algorithm_requests.accept(request.accept, record_content.ACCEPTS, content.JSON)
        rows = record_content.decode(request.body, media_type(request.content_type) or content.CSV)
        try:
            outputs = self._answered(self._fitted(rows), request.accept)
        except ClientError as error:
            raise BadRequest(f"Unable to evaluate payload provided: {error}") from error
        return Response(record_content.encode(outputs, media, title=self._model.title), media)

    def _answered(self, rows: Any, accept: str) -> Mapping[str, Any]:
        asked = "verbose=true" in accept.lower().replace(" ", "")
        return self._model.verbose(rows) if asked and isinstance(self._model, Verbose) else self._model.predict(rows)

    def _fitted(self, rows: Any) -> Any:
        """Rows as wide as the model: sparse ones are widened, all others must fit."""
        width = rows.shape[1]
        if hasattr(rows, "tocsr") and width < self._model.width:
            rows.resize(rows.shape[0], self._model.width)
        elif width != self._model.width:
            raise ClientError(f"the rows have {width} features, the model {self._model.width}.")
        return rows
