"""AutoGluon's predictor: fitted on a job's data, stopped with it, and loaded again. Called by `autogluon.py` only."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd
from autogluon.core.callbacks import AbstractCallback
from autogluon.core.utils.exceptions import TimeLimitExceeded
from autogluon.tabular import TabularPredictor
from autogluon.tabular.models import CatBoostModel

from sagewright_container.algorithms import autogluon
from sagewright_container.algorithms.base import Job
from sagewright_container.algorithms.catboost import Stopping
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.tabular import Data, Encoding

LABEL = 0
"""Columns are called by their numbers in the files, as `pandas.read_csv(…, header=None)` calls them: label first."""
_NETWORKS = {"NN_TORCH": "torch", "FASTAI": "fastai"}
_UNHEARD = {
    "autogluon.common.utils.resource_utils": "Failed to import torch",  # at each model, which needs none
    "autogluon.common.utils.utils": "path already exists",  # the job's folder does
}
_FEW = 100_000  # cells up to which threads cost more than they give


def fit(job: Job, data: Data, metric: str) -> None:
    """Fit a predictor into the model folder. Raises ClientError for what AutoGluon cannot learn from."""
    _hush()
    values = job.hyperparameters
    training = _labelled(data.encoding, data.features, data.label)
    more: dict[str, Any] = {}
    if data.validation_features is not None:
        more["tuning_data"] = _labelled(data.encoding, data.validation_features, data.validation_label)
        more["use_bag_holdout"] = autogluon.bagged(values)
    problem = {0: "regression", 2: "binary"}.get(data.class_count, "multiclass")
    predictor = TabularPredictor(LABEL, problem, metric, path=job.model_dir, verbosity=values["verbosity"])
    follower = Follower(job)
    try:
        with _catboost_stops(job):
            predictor.fit(
                training,
                presets=values["presets"],
                num_cpus=1 if data.features.size <= _FEW else "auto",
                num_gpus=0,
                callbacks=[follower],
                **_without_what_is_left_out(),
                **_asked(values),
                **more,
            )
    except (AssertionError, RuntimeError, ValueError) as error:
        raise ClientError(f"AutoGluon could not train: {error}") from error
    follower.tell_best()


def loaded(model_dir: str, encoding: Encoding) -> Callable[[Any], Any]:
    """What predicts by the model: matrix → a probability of each class for each row, or a number for each."""
    _hush()
    predictor = TabularPredictor.load(model_dir, verbosity=0)
    predictor.persist()

    def predict(matrix: Any) -> Any:
        frame = _frame(encoding, matrix)
        if encoding.labels is None:
            return predictor.predict(frame).to_numpy()
        # A class of few rows may be one that AutoGluon has left out.
        return predictor.predict_proba(frame).reindex(columns=encoding.labels, fill_value=0).to_numpy()

    return predict


def _asked(values: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from its default: all else is the preset's to say, which arguments would overrule."""
    asked: dict[str, Any] = {
        name: True
        for name in ("auto_stack", "refit_full", "set_best_to_refit_full", "save_space")
        if values[name] == "True"
    }
    numbers = {"num_bag_folds": (int(values["num_bag_folds"]), 0)}
    numbers |= {name: (values[name], usual) for name, usual in (("num_bag_sets", 1), ("num_stack_levels", 0))}
    return asked | {name: value for name, (value, usual) in numbers.items() if value != usual}


def _without_what_is_left_out() -> dict[str, Any]:
    """Arguments without which AutoGluon would try what needs PyTorch, fastai or Ray, and warn each time."""
    return {
        "excluded_model_types": [name for name, needed in _NETWORKS.items() if not importlib.util.find_spec(needed)],
        "ag_args_ensemble": {"fold_fitting_strategy": "sequential_local"},
        "ds_args": {"memory_safe_fits": False},
    }


@contextlib.contextmanager
def _catboost_stops(job: Job) -> Iterator[None]:
    """CatBoost swallows what is raised while it trains, or ends with KeyboardInterrupt: it is asked after each tree."""
    library = importlib.import_module("catboost")
    kinds = (library.CatBoostClassifier, library.CatBoostRegressor)
    fits = [kind.fit for kind in kinds]
    for kind, fit in zip(kinds, fits, strict=True):
        kind.fit = _asking(fit, job)
    try:
        yield
    finally:
        for kind, fit in zip(kinds, fits, strict=True):
            kind.fit = fit


def _asking(fit: Callable[..., Any], job: Job) -> Callable[..., Any]:
    def asking(*arguments: Any, callbacks: Any = None, **named: Any) -> Any:
        return fit(*arguments, callbacks=[*(callbacks or ()), Stopping(job)], **named)

    return asking


def _labelled(encoding: Encoding, matrix: Any, label: Any) -> pd.DataFrame:
    frame = _frame(encoding, matrix)
    frame.insert(0, LABEL, label if encoding.labels is None else np.asarray(encoding.labels)[label])
    return frame


def _frame(encoding: Encoding, matrix: Any) -> pd.DataFrame:
    """The rows with their words."""
    frame = pd.DataFrame(matrix, columns=range(1, encoding.width + 1))
    for column, words in encoding.categories.items():
        codes = np.nan_to_num(matrix[:, column], nan=-1).astype(np.int64)
        frame[column + 1] = pd.Categorical.from_codes(codes, categories=words)
    return frame


def _hush() -> None:
    """Leave out what AutoGluon says of things that are as they should be."""
    for name in _UNHEARD:
        logging.getLogger(name).addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return _UNHEARD[record.name] not in record.getMessage()


class Follower(AbstractCallback):  # type: ignore[misc]  # AutoGluon has no types
    """Tells the score of each model, and ends the training when the job is stopped: once one model is there, what is
    being fitted is given up and no other begun, and the ensemble is made of those there are.

    `telling`: whether scores are told; those of a trial run on part of the data are not.
    """

    def __init__(self, job: Job, *, telling: bool = True) -> None:
        super().__init__()
        self._job = job
        self._telling = telling
        self._scores: dict[str, float] = {}
        self._metric: Any = None
        self._interruptible = False
        signal.signal(signal.SIGTERM, self._stop)

    def __deepcopy__(self, _memo: Any) -> Follower:
        return Follower(self._job, telling=False)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._job.stopping = True
        if self._interruptible:
            self._interruptible = False
            raise TimeLimitExceeded

    def _before_model_fit(self, *_: Any, model: Any, stack_name: str = "core", **__: Any) -> tuple[bool, bool]:
        signal.signal(signal.SIGTERM, self._stop)
        core = stack_name == "core" and bool(self._scores)
        catboost = isinstance(getattr(model, "model_base", model), CatBoostModel)
        self._interruptible = core and not self._job.stopping and not catboost
        return False, core and self._job.stopping

    def _after_model_fit(self, trainer: Any, model_names: list[str], **_: Any) -> bool:
        self._interruptible = False
        self._metric = trainer.eval_metric
        for name in model_names:
            score = trainer.get_model_attribute(model=name, attribute="val_score")
            if score is not None:
                self._scores[name] = score
                self._tell(name)
        return False

    def tell_best(self) -> None:
        """Tell the score of the best model once more: the last one counts."""
        if self._job.stopping:
            print("Stopped: the model is made of what was fitted until then", flush=True)
        if self._scores:
            self._tell(max(self._scores, key=self._scores.__getitem__))

    def _tell(self, name: str) -> None:
        if self._telling:
            value = self._metric.convert_score_to_original(self._scores[name])
            print(f"Validation {self._metric.name}: {value:.8g} ({name})", flush=True)
