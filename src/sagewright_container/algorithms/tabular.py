"""The data of the newer tabular algorithms (LightGBM, CatBoost, TabTransformer): rows of numbers and categories.

The layout is that of AWS's developer guide ("Input and Output interface for the LightGBM algorithm"): CSV without a
header, the label first; `categorical_index.json` beside the data names the columns that are categories; validation
data come in a channel or a folder of their own, or are a fifth of the training data.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sagewright_container.algorithms import tabular_files
from sagewright_container.algorithms.base import Channel, Input, Job
from sagewright_container.algorithms.content_types import CSV, PARQUET, TABLES
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.tabular_files import Rows, Words

CATEGORIES_FILE = "categorical_index.json"
ENCODING_FILE = "encoding.json"
_TAKEN = {said: ours for said, ours in TABLES.items() if ours in (CSV, PARQUET)}
_TRAIN, _VALIDATION = ("train", "training"), "validation"
CHANNELS: Sequence[Channel] = tuple(Channel(name, _TAKEN, "text/csv") for name in (*_TRAIN, _VALIDATION))
_SHARE = 0.2  # of the rows, held back to validate where there are no validation data
_SEED = 0


@dataclass(frozen=True)
class Encoding:
    """How rows become numbers: kept beside the model, as JSON.

    `categories`: column → its words, in the order of their codes. `labels`: what the classes are called; None where a
    number is predicted.
    """

    width: int
    categories: Mapping[int, Sequence[str]]
    labels: Sequence[int] | None

    def matrix(self, rows: Rows) -> Any:
        """Float64, rows by columns: codes of categories, NaN for what is missing or was never seen."""
        if len(rows.columns) != self.width:
            raise ClientError(f"the rows have {len(rows.columns)} features, the model {self.width}.")
        out = np.empty((rows.count, self.width), order="F")  # CatBoost takes columns as they are
        for number, column in enumerate(rows.columns):
            out[:, number] = column if not isinstance(column, Words) else column.coded(self.categories[number])
        return out

    def classes(self, label: Any) -> Any:
        """The class number of each label."""
        return np.searchsorted(np.asarray(self.labels), label)

    def save(self, model_dir: str) -> None:
        """Write it beside the model."""
        told = {"width": self.width, "categories": self.categories, "labels": self.labels}
        with open(os.path.join(model_dir, ENCODING_FILE), "w", encoding="utf-8") as file:
            json.dump(told, file)


def encoding(model_dir: str) -> Encoding:
    """What `save` wrote."""
    with open(os.path.join(model_dir, ENCODING_FILE), encoding="utf-8") as file:
        told = json.load(file)
    categories = {int(number): words for number, words in told["categories"].items()}
    return Encoding(told["width"], categories, told["labels"])


@dataclass(frozen=True)
class Data:
    """What a job trains on: matrices, rows by columns, and for each row a label: float64, or the class's number.

    Those to validate with are None where there are none and `read` was not to hold any back.
    """

    encoding: Encoding
    features: Any
    label: Any
    validation_features: Any
    validation_label: Any

    @property
    def class_count(self) -> int:
        """How many classes there are; 0 where a number is predicted."""
        return len(self.encoding.labels or ())


def read(job: Job, *, classify: bool, hold_back: bool = True) -> Data:
    """The job's data. Raises ClientError for what cannot be learnt from.

    `hold_back`: without validation data, a part of the rows is taken for that; else the library does it.
    """
    source = _source(job.inputs)
    training, held_back = _divided(source)
    categorical = _categorical(source)
    rows = tabular_files.read(source, training, categorical)
    validation = _validation(job.inputs, source, held_back, categorical)
    if validation is None:
        _check_several(rows)
        rows, validation = _split(rows) if hold_back else (rows, None)
    parts = [rows] if validation is None else [rows, validation]
    if len(rows.columns) != len(parts[-1].columns):
        raise ClientError(
            f"The training data have {len(rows.columns)} features, the validation data {len(parts[-1].columns)}."
        )
    found = Encoding(len(rows.columns), _words(rows), _labels(*(part.label for part in parts)) if classify else None)
    validating = "" if validation is None else f"{validation.count} to validate, "
    print(f"{rows.count} rows to train, {validating}{found.width} features", flush=True)
    arrays = [(found.matrix(part), found.classes(part.label) if classify else part.label) for part in parts]
    return Data(found, *arrays[0], *(arrays[1] if validation is not None else (None, None)))


def _source(inputs: Mapping[str, Input]) -> Input:
    given = [inputs[name] for name in _TRAIN if name in inputs]
    if len(given) != 1:
        raise ClientError("One of the channels train and training is required, and not both.")
    return given[0]


def _divided(source: Input) -> tuple[list[str], list[str]]:
    """The files of a channel: to train, and (from its folder `validation`) to validate."""
    files = [path for path in source.files() if os.path.basename(path) != CATEGORIES_FILE]
    first = {path: os.path.relpath(path, source.path).split(os.sep)[0] for path in files}
    held_back = [path for path in files if first[path] == _VALIDATION]
    return [path for path in files if first[path] != _VALIDATION], held_back


def _validation(
    inputs: Mapping[str, Input], source: Input, held_back: list[str], categorical: frozenset[int]
) -> Rows | None:
    if _VALIDATION in inputs:
        own = inputs[_VALIDATION]
        return tabular_files.read(own, [*itertools.chain(*_divided(own))], categorical)
    return tabular_files.read(source, held_back, categorical) if held_back else None


def _categorical(source: Input) -> frozenset[int]:
    """The features, counted from 0, that are categories. The file counts columns, and the label is column 0."""
    named = [path for path in source.files() if os.path.basename(path) == CATEGORIES_FILE]
    if not named:
        return frozenset()
    try:
        with open(named[0], encoding="utf-8") as file:
            columns = json.load(file)["cat_index_list"]
    except (ValueError, KeyError, TypeError) as error:
        raise ClientError(f'{CATEGORIES_FILE} is not of the form {{"cat_index_list": [1, 3]}}.') from error
    if not isinstance(columns, list) or not all(type(each) is int and each > 0 for each in columns):
        raise ClientError(f"{CATEGORIES_FILE}: columns are whole numbers from 1 on; column 0 is the label.")
    return frozenset(each - 1 for each in columns)


def _check_several(rows: Rows) -> None:
    if rows.count < 2:
        raise ClientError("The training data are a single row: there is nothing to validate with.")


def _split(rows: Rows) -> tuple[Rows, Rows]:
    order = np.random.default_rng(_SEED).permutation(rows.count)
    held = max(1, int(rows.count * _SHARE))
    return rows.taken(np.sort(order[held:])), rows.taken(np.sort(order[:held]))


def _labels(*parts: Any) -> list[int]:
    found = np.unique(np.concatenate(parts))
    broken = found[found != np.floor(found)]
    if len(broken):
        raise ClientError(f"A class is a whole number, and a label is {broken[0]}. Is this a regression?")
    if len(found) < 2:
        raise ClientError(f"All rows have the label {int(found[0])}: there is nothing to tell apart.")
    return [int(each) for each in found]


def _words(rows: Rows) -> dict[int, list[str]]:
    return {number: column.used() for number, column in enumerate(rows.columns) if isinstance(column, Words)}
