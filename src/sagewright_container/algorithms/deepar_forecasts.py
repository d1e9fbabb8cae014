"""What DeepAR has trained, loaded with GluonTS: forecasts as samples, and the answers made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from gluonts.dataset.common import ListDataset
from gluonts.torch.distributions import LaplaceOutput
from gluonts.torch.model.predictor import PyTorchPredictor
from torch.distributions import Laplace

from sagewright_container.algorithms import time_series
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.time_series import Series

ABOUT = "deepar.json"
MAX_SAMPLES = 10_000
OUTPUTS = ("mean", "quantiles", "samples")
DEFAULTS: Mapping[str, Any] = {
    "num_samples": 100,
    "output_types": ["mean", "quantiles"],
    "quantiles": [f"0.{tenth}" for tenth in range(1, 10)],
}


class Certain(Laplace):  # type: ignore[misc]
    """One value: its density makes the loss the absolute difference, and its samples are all alike."""

    def rsample(self, sample_shape: Any = torch.Size()) -> Any:  # noqa: B008  as PyTorch declares it
        """The value itself."""
        return self.loc.expand(self._extended_shape(sample_shape))


class CertainOutput(LaplaceOutput):  # type: ignore[misc]
    """The likelihood deterministic-L1."""

    distr_cls: type = Certain

    @classmethod
    def domain_map(cls, loc: Any, scale: Any) -> Any:
        """The scale is learnt by nobody."""
        return loc.squeeze(-1), torch.ones_like(scale).squeeze(-1)


@dataclass(frozen=True)
class About:
    """What a series must be like for the model to forecast it."""

    frequency: str
    prediction_length: int
    cardinality: list[int]
    dynamic_features: int

    def entry(self, series: Series, *, known: int = 0) -> dict[str, Any]:
        """A series as GluonTS takes it; its features are `known` steps longer than itself. Raises ClientError."""
        entry = {"start": pd.Period(series.start, self.frequency), "target": series.target}
        if self.cardinality:
            entry["feat_static_cat"] = self._categories(series.categories)
        if self.dynamic_features:
            entry["feat_dynamic_real"] = self._features(series, known)
        return entry

    def _categories(self, categories: Sequence[int]) -> list[int]:
        wanted = len(self.cardinality)
        if len(categories) != wanted:
            raise ClientError(f"cat has {len(categories)} categories, and the model takes {wanted}.")
        for number, (one, count) in enumerate(zip(categories, self.cardinality, strict=True)):
            if one >= count:
                raise ClientError(f"cat {number} is {one}, and the model knows 0 to {count - 1}.")
        return list(categories)

    def _features(self, series: Series, known: int) -> Any:
        if len(series.dynamic) != self.dynamic_features:
            raise ClientError(
                f"dynamic_feat holds {len(series.dynamic)} features, and the model takes {self.dynamic_features}."
            )
        wanted = len(series.target) + known
        if series.dynamic.shape[1] != wanted:
            raise ClientError(f"dynamic_feat has {series.dynamic.shape[1]} values, and needs {wanted}.")
        return series.dynamic


class Forecaster:
    """The trained network."""

    def __init__(self, predictor: Any, about: About) -> None:
        self._predictor = predictor
        self.about = about

    @classmethod
    def load(cls, model_dir: str) -> Forecaster:
        """What `save` has written."""
        told = json.loads((Path(model_dir) / ABOUT).read_text())
        return cls(PyTorchPredictor.deserialize(Path(model_dir), device=torch.device("cpu")), About(**told))

    def save(self, model_dir: str) -> None:
        """GluonTS's own form, which its `Predictor.deserialize` reads, and what requests are checked against."""
        self._predictor.serialize(Path(model_dir))
        (Path(model_dir) / ABOUT).write_text(json.dumps(asdict(self.about)))

    def samples(self, entries: Sequence[Mapping[str, Any]], count: int) -> list[Any]:
        """Of each entry `count` paths: float32 arrays, paths by steps."""
        self._predictor.prediction_net.model.num_parallel_samples = count
        made = self._predictor.predict(ListDataset(entries, freq=self.about.frequency), num_samples=count)
        return [forecast.samples for forecast in made]


class Answers:
    """Requests answered with forecasts. `defaults` stand where a request's configuration says nothing."""

    def __init__(self, forecaster: Forecaster, defaults: Mapping[str, Any]) -> None:
        self._forecaster = forecaster
        self._defaults = {**DEFAULTS, **defaults}
        _check(self._defaults)

    def answer(self, instances: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> list[dict[str, Any]]:
        """`mean`, `quantiles` and `samples` of each instance, as asked for. Raises ClientError."""
        wanted = {**self._defaults, **{name: options[name] for name in DEFAULTS if name in options}}
        _check(wanted)
        entries = [self._entry(instance, number) for number, instance in enumerate(instances, 1)]
        return [_told(paths, wanted) for paths in self._forecaster.samples(entries, wanted["num_samples"])]

    def _entry(self, instance: Mapping[str, Any], number: int) -> dict[str, Any]:
        about = self._forecaster.about
        try:
            return about.entry(time_series.parse(instance), known=about.prediction_length)
        except ClientError as error:
            raise ClientError(f"Instance {number}: {error}") from error


def _check(wanted: Mapping[str, Any]) -> None:
    count, outputs, quantiles = (wanted[name] for name in DEFAULTS)
    if not isinstance(count, int) or not 1 <= count <= MAX_SAMPLES:
        raise ClientError(f"configuration.num_samples is no whole number from 1 to {MAX_SAMPLES}.")
    if not isinstance(outputs, list) or not all(each in OUTPUTS for each in outputs):
        raise ClientError(f"configuration.output_types is no list of: {', '.join(OUTPUTS)}.")
    if not isinstance(quantiles, list) or not all(_is_quantile(each) for each in quantiles):
        raise ClientError('configuration.quantiles is no list of numbers from 0 to 1, such as ["0.1", "0.9"].')


def _is_quantile(value: Any) -> bool:
    try:
        return 0 <= float(value) <= 1
    except (TypeError, ValueError):
        return False


def _told(paths: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if "mean" in wanted["output_types"]:
        told["mean"] = paths.mean(axis=0)
    if "quantiles" in wanted["output_types"]:
        levels = [float(each) for each in wanted["quantiles"]]
        values = np.quantile(paths, levels, axis=0)
        told["quantiles"] = {str(name): row for name, row in zip(wanted["quantiles"], values, strict=True)}
    if "samples" in wanted["output_types"]:
        told["samples"] = paths
    return told
