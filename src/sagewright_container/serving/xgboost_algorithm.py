"""Serve what XGBoost's algorithm mode has trained, with the answers of AWS's image.

SAGEMAKER_INFERENCE_OUTPUT selects what is answered for each row ("predicted_label,probability");
SAGEMAKER_BATCH=true answers CSV a row a line; SAGEMAKER_INFERENCE_ENSEMBLE=false takes one of several models.
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
import xgboost

from sagewright_container import recordio
from sagewright_container.contract import cpu_count
from sagewright_container.serving import algorithm_requests, content, xgboost_content
from sagewright_container.serving.base import Request, Response, media_type
from sagewright_container.serving.errors import BadRequest, NoContent
from sagewright_container.serving.xgboost_import import PICKLE
from sagewright_container.serving.xgboost_output import SELECTABLE, selected

ACCEPTS = dict.fromkeys((content.CSV, content.JSON, content.JSON_LINES, content.RECORDIO))
DEFAULT_CONTENT_TYPE = content.CSV


class AlgorithmHandler:
    """One booster, or several whose predictions are averaged."""

    def __init__(self, model_dir: str, environ: Mapping[str, str]) -> None:
        """Load the models of the folder. Raises FileNotFoundError, or XGBoost's error for what is no model."""
        ensemble = environ.get("SAGEMAKER_INFERENCE_ENSEMBLE", "true") != "false"
        # A row or a few: threads would cost more than they give. In batch transform many rows come at once.
        threads = cpu_count() if environ.get("SAGEMAKER_BATCH") else 1
        self._boosters = load(model_dir, ensemble=ensemble, threads=threads)
        self._default_accept = environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", content.CSV)
        self._batch = bool(environ.get("SAGEMAKER_BATCH"))
        chosen = environ.get("SAGEMAKER_INFERENCE_OUTPUT", "").replace(" ", "").lower()
        self._chosen = [name for name in chosen.split(",") if name]
        learner = json.loads(self._boosters[0].save_config())["learner"]
        self._objective: str = learner["objective"]["name"]
        self._num_class = int(learner["learner_model_param"].get("num_class", 0))
        self._inplace = learner["gradient_booster"]["name"] != "gblinear"  # which XGBoost does not do in place
        self._width = self._boosters[0].num_features()
        if self._chosen and self._objective not in SELECTABLE:
            raise ValueError(f"SAGEMAKER_INFERENCE_OUTPUT does not go with the objective {self._objective}.")

    def execution_parameters(self) -> Mapping[str, Any]:
        """As AWS's image answers."""
        return algorithm_requests.execution_parameters()

    def handle(self, request: Request) -> Response:
        """Decode, predict, encode."""
        if not request.body:
            raise NoContent
        media = algorithm_requests.accept(request.accept, ACCEPTS, self._default_accept)
        rows = xgboost_content.decode(request.body, media_type(request.content_type) or DEFAULT_CONTENT_TYPE)
        predictions = self._predict(rows)
        if self._chosen:
            answers = selected(predictions, self._chosen, self._objective, self._num_class)
            return Response(encode_selected(answers, self._chosen, media, batch=self._batch), media)
        return Response(encode(predictions, media, batch=self._batch), media)

    def _predict(self, rows: Any) -> Any:
        rows = self._fitted(rows)
        try:
            parts = [self._predicted(booster, rows) for booster in self._boosters]
        except xgboost.core.XGBoostError as error:
            reason = str(error).split("Stack trace:")[0].strip()
            raise BadRequest(f"Unable to evaluate payload provided: {reason}") from error
        return parts[0] if len(parts) == 1 else np.mean(parts, axis=0)

    def _predicted(self, booster: Any, rows: Any) -> Any:
        if self._inplace:
            return booster.inplace_predict(rows, validate_features=False)
        return booster.predict(xgboost.DMatrix(rows), validate_features=False)

    def _fitted(self, rows: Any) -> Any:
        """Rows as wide as the model: sparse ones are widened, all others must fit. Raises BadRequest."""
        width = rows.shape[1]
        if hasattr(rows, "tocsr") and width < self._width:
            rows.resize(rows.shape[0], self._width)
        elif width != self._width:
            raise BadRequest(
                f"Unable to evaluate payload provided: the rows have {width} features, the model {self._width}."
            )
        return rows


def load(model_dir: str, *, ensemble: bool, threads: int = 1) -> list[Any]:
    """The boosters of a folder's files, each to predict with so many threads.

    A file may hold XGBoost's own forms, or a pickle of older images.
    """
    paths = sorted(entry.path for entry in os.scandir(model_dir) if entry.is_file() and not entry.name.startswith("."))
    if not paths:
        raise FileNotFoundError(f"There is no model in {model_dir}.")
    return [_load(path, threads) for path in (paths if ensemble else paths[:1])]


def _load(path: str, threads: int) -> Any:
    with open(path, "rb") as file:
        data = file.read()
    if data[:1] == PICKLE:
        booster = pickle.loads(data)  # noqa: S301  the user's own model
    else:
        booster = xgboost.Booster()
        booster.load_model(bytearray(data))
    booster.set_param({"nthread": threads})
    return booster


def encode(predictions: Any, media: str, *, batch: bool) -> bytes:
    """Predictions in one of ACCEPTS. CSV is one line of all rows, but a row a line in batch transform."""
    values = predictions.tolist()
    if media == content.CSV:
        return _by_line(values) if batch else ",".join(map(str, values)).encode()
    if media == content.RECORDIO:
        return recordio.write([{"score": value if isinstance(value, list) else [value]} for value in values])
    scores = [{"score": value} for value in values]
    return orjson.dumps({"predictions": scores}) if media == content.JSON else _lines(scores)


def _by_line(values: list[Any]) -> bytes:
    """A row a line; a row of several numbers as a list."""
    if values and isinstance(values[0], list):
        return ("\n".join(map(str, values)) + "\n").encode()
    return content.csv_lines(values)


def encode_selected(answers: list[dict[str, Any]], chosen: list[str], media: str, *, batch: bool) -> bytes:
    """Selected answers in one of ACCEPTS. In CSV a list is one quoted cell, and rows are always lines."""
    if media == content.CSV:
        lines = (",".join(_cell(answer[name]) for name in chosen) for answer in answers)
        return ("\n".join(lines) + ("\n" if batch else "")).encode()
    if media == content.RECORDIO:
        rows = [{key: value if isinstance(value, list) else [value] for key, value in row.items()} for row in answers]
        return recordio.write(rows)
    return content.to_json({"predictions": answers}) if media == content.JSON else _lines(answers)


def _cell(value: Any) -> str:
    return f'"{value}"' if isinstance(value, list) else str(value)


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(content.to_json(row) + b"\n" for row in rows)
