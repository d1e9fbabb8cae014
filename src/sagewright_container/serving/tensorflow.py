"""The TensorFlow image: SavedModels behind TensorFlow Serving's JSON, with the user's handlers before and after.

What a request is for, its custom attributes say: `tfs-model-name`, `tfs-model-version`, `tfs-method`. Without handlers,
JSON that is not of TensorFlow Serving's form, JSON lines and CSV become `instances`.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from typing import Any

from sagewright_container.contract import Contract
from sagewright_container.serving import content, tensorflow_handlers, user_module
from sagewright_container.serving.base import Handler, Request, Response, media_type
from sagewright_container.serving.errors import BadRequest, UnsupportedContent
from sagewright_container.serving.saved_models import SavedModels

_FORMS = ("instances", "inputs", "examples")


def load(contract: Contract) -> Handler:
    """The folder's models, behind the user's inference.py where there is one."""
    models = SavedModels(contract.model_dir, os.environ.get("SAGEMAKER_TFS_DEFAULT_MODEL_NAME"))
    path = user_module.find(contract, os.environ)
    if path is None:
        return ModelHandler(models)
    user_module.install_requirements(path)
    return tensorflow_handlers.UserHandlers(user_module.load(path), models)


class ModelHandler:
    """Answers without handlers."""

    def __init__(self, models: SavedModels) -> None:
        self._models = models

    def execution_parameters(self) -> None:
        """The model says nothing about batches."""
        return

    def handle(self, request: Request) -> Response:
        """Predict, classify or regress what the body holds."""
        if not request.body:
            raise BadRequest("The request is empty.")
        target = tensorflow_handlers.target(request)
        model = self._models.find(target.model_name, target.model_version)
        body = decode(request.body, media_type(request.content_type) or content.JSON)
        return Response(content.to_json(model.answer(target.method, body)), content.JSON)


def decode(body: bytes, media: str) -> Mapping[str, Any]:
    """The body as a request to TensorFlow Serving. Raises UnsupportedContent, BadRequest."""
    try:
        if media == content.CSV:
            return {"instances": _csv(body.decode())}
        if media in (content.JSON_LINES, "application/jsons"):
            return _json(body)
        if media == content.JSON:
            return _json(body)
    except ValueError as error:
        raise BadRequest(f"The request cannot be read as {media}: {error}.") from None
    raise UnsupportedContent(
        f"Content type {media} is not supported: it is one of {content.JSON}, {content.JSON_LINES}, {content.CSV}, "
        "or an input_handler reads it."
    )


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        value = content.from_json(body)
    except json.JSONDecodeError:
        lines = [line for line in body.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        return {"instances": [content.from_json(line) for line in lines]}
    if isinstance(value, dict) and any(form in value for form in _FORMS):
        return value
    return {"instances": value if isinstance(value, list) else [value]}


def _csv(text: str) -> list[Any]:
    """A row for each line: a list of its cells, or the cell itself where there is but one."""
    rows = [[_cell(cell) for cell in row] for row in csv.reader(io.StringIO(text), skipinitialspace=True) if row]
    return [row[0] if len(row) == 1 else row for row in rows]


def _cell(cell: str) -> float | int | str:
    for read in (int, float):
        try:
            return read(cell)
        except ValueError:
            continue
    return cell
