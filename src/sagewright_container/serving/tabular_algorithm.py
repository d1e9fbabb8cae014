"""Answer requests of CSV rows with probabilities or predicted numbers: LightGBM, CatBoost, TabTransformer.

As AWS's images answer: {"probabilities": [[…]]} of classes, {"prediction": […]} of numbers; with the Accept header
`application/json;verbose` also the classes' `labels` and each row's `predicted_label`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import orjson

from sagewright_container.algorithms import tabular_files
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.tabular import Encoding
from sagewright_container.serving import algorithm_requests, content
from sagewright_container.serving.base import Request, Response, media_type
from sagewright_container.serving.errors import BadRequest, UnsupportedContent

_VERBOSE = "verbose"
_ACCEPTS = (content.JSON, content.JSON_LINES, content.CSV)

Predict = Callable[[Any], Any]
"""Matrix, rows by features → a probability of each class for each row, or a number for each."""


class TabularHandler:
    """One model, with what its rows become."""

    def __init__(self, encoding: Encoding, predict: Predict) -> None:
        self._encoding = encoding
        self._predict = predict
        self._categorical = frozenset(encoding.categories)

    def execution_parameters(self) -> Mapping[str, Any]:
        """As the other algorithms answer."""
        return algorithm_requests.execution_parameters()

    def handle(self, request: Request) -> Response:
        """Raises UnsupportedContent, NotAcceptable, BadRequest."""
        media = algorithm_requests.accept(request.accept, _ACCEPTS, content.JSON)
        given = media_type(request.content_type) or content.CSV
        if given != content.CSV:
            raise UnsupportedContent(f"Content type {given} is not supported: it is {content.CSV}.")
        try:
            rows = tabular_files.parse(request.body, self._categorical)
            answers = np.ascontiguousarray(self._predict(self._encoding.matrix(rows)))  # as orjson wants them
        except ClientError as error:
            raise BadRequest(f"Unable to evaluate payload provided: {error}") from error
        if media == content.JSON:
            verbose = _VERBOSE in request.accept.lower()
            return Response(orjson.dumps(self._named(answers, verbose), option=orjson.OPT_SERIALIZE_NUMPY), media)
        return Response(_by_line(answers, media), media)

    def _named(self, answers: Any, verbose: bool) -> Mapping[str, Any]:
        if self._encoding.labels is None:
            return {"prediction": answers}
        if not verbose:
            return {"probabilities": answers}
        labels = np.asarray(self._encoding.labels)
        return {
            "probabilities": answers,
            "labels": self._encoding.labels,
            "predicted_label": labels[answers.argmax(axis=1)],
        }


def _by_line(answers: Any, media: str) -> bytes:
    """A line for each row: its probabilities, or its number."""
    rows = answers.tolist()
    if media == content.JSON_LINES:
        name = "probabilities" if rows and isinstance(rows[0], list) else "prediction"
        return b"".join(orjson.dumps({name: row}) + b"\n" for row in rows)
    return "".join(f"{','.join(map(str, row)) if isinstance(row, list) else row}\n" for row in rows).encode()
