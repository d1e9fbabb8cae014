"""AutoGluon's defaults: a TabularPredictor, rows in, what it predicts out. The user's functions come before them."""

from __future__ import annotations

import csv
import io
import os
from typing import Any

import pandas as pd
from autogluon.tabular import TabularPredictor

from sagewright_container.contract import Contract
from sagewright_container.serving import content, user_module
from sagewright_container.serving.errors import BadRequest, UnsupportedContent
from sagewright_container.serving.user_module import Defaults, UserHandler

_FILE = "predictor.pkl"
_READS = (content.CSV, content.JSON, content.PARQUET)


def load(contract: Contract) -> UserHandler:
    """The user's script over the defaults, or the defaults alone."""
    return user_module.handler(user_module.find(contract, os.environ), contract, DEFAULTS)


def load_model(model_dir: str) -> Any:
    """The predictor that lies in the folder, or in a folder in it. Raises ValueError with what to do without one."""
    folders = [model_dir, *(entry.path for entry in os.scandir(model_dir) if entry.is_dir())]
    found = [folder for folder in folders if os.path.exists(os.path.join(folder, _FILE))]
    if len(found) != 1:
        held = ", ".join(sorted(os.listdir(model_dir))) or "nothing"
        raise ValueError(
            "Without a model_fn there must be the folder of exactly one TabularPredictor, made with "
            f"TabularPredictor(path=…). {model_dir} holds {held}."
        )
    predictor = TabularPredictor.load(found[0], verbosity=0)
    predictor.persist()
    return predictor


def decode(body: bytes, media: str) -> pd.DataFrame:
    """The request as a table: CSV, whose first line names the columns if there is no number in it; JSON, a list of
    objects or of lists, or an object of columns; Parquet."""
    if media not in _READS:
        raise UnsupportedContent(
            f"Content type {media} is not supported: it is one of {', '.join(_READS)}, or an input_fn reads it."
        )
    try:
        if media == content.CSV:
            return pd.read_csv(io.BytesIO(body), header=0 if _names(body) else None)
        if media == content.JSON:
            told = content.from_json(body)
            return pd.DataFrame([told] if isinstance(told, list) and told and _is_cell(told[0]) else told)
        return pd.read_parquet(io.BytesIO(body))
    except (ValueError, OSError) as error:
        raise UnsupportedContent(f"The request could not be read as {media}: {error}") from error


def predict(data: Any, model: Any) -> Any:
    """What the predictor says of each row. Columns without names are its features, in their order."""
    if not isinstance(model, TabularPredictor):
        return model.predict(data)
    features = model.features()
    unnamed = data.columns.inferred_type == "integer" and list(data.columns) != features
    if unnamed and data.shape[1] == len(features):
        data = data.set_axis(features, axis=1)
    if missing := [str(name) for name in features if name not in data.columns]:
        raise BadRequest(
            f"The rows lack the columns {', '.join(missing)}: name them in a header, or send all in order."
        )
    return model.predict(data).to_numpy()


def _names(body: bytes) -> bool:
    """Whether the first line of CSV is a header."""
    first = next(csv.reader([body.lstrip().split(b"\n", 1)[0].decode("utf-8", "replace")]), [])
    return not any(_is_number(cell) for cell in first)


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True


def _is_cell(value: Any) -> bool:
    return not isinstance(value, list | dict)


DEFAULTS = Defaults(decode, predict, content.encode, content.ENCODERS, load_model)
