"""Autotune: ranges, limits and rules for what a request leaves open, from the names and example values that it gives.

What AWS chooses is not published; what is chosen here is written into the tuning job, where its description shows it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

_LEAST, _EACH, _MOST = 20, 10, 100
"""Training jobs: at least, for each hyperparameter, at most."""
_WIDE: Final = 10
"""A number may become so many times smaller or larger."""
_SMALL: Final = 0.1
"""Shares at most this large are searched by their order of magnitude, like learning rates."""
_TRUTHS: Final = (("true", "false"), ("True", "False"))
# What says how a job works and not how it learns.
_KEPT: Final = (
    "seed", "random_state", "verbose", "verbosity", "silent", "nthread", "n_jobs", "num_class", "objective",
    "eval_metric", "num_workers", "workers", "save_", "log_", "csv_weights", "feature_dim", "num_classes",
    "num_training_samples", "predictor_type",
)  # fmt: skip

Ranges = dict[str, list[dict[str, Any]]]


def chosen(auto: Sequence[Mapping[str, str]]) -> tuple[Ranges, dict[str, str]]:
    """From AutoParameters: ranges for those that can be searched, and the others with their example values."""
    ranges: Ranges = {"IntegerParameterRanges": [], "ContinuousParameterRanges": [], "CategoricalParameterRanges": []}
    static: dict[str, str] = {}
    for each in auto:
        name, hint = each["Name"], each["ValueHint"]
        kind, found = (None, {}) if _kept(name) else _range(hint)
        if kind is None:
            static[name] = hint
        else:
            ranges[kind].append({"Name": name, **found})
    return ranges, static


def jobs(ranges: int) -> int:
    """How many training jobs there may be where no number is given."""
    return min(max(_LEAST, _EACH * ranges), _MOST)


def rules(config: Mapping[str, Any]) -> dict[str, Any]:
    """A tuning job's configuration with early stopping and an end by convergence, unless it says otherwise."""
    criteria = {
        "ConvergenceDetected": {"CompleteOnConvergence": "Enabled"},
        **config.get("TuningJobCompletionCriteria", {}),
    }
    early = "Off" if config["Strategy"] == "Hyperband" else "Auto"
    return {"TrainingJobEarlyStoppingType": early, **config, "TuningJobCompletionCriteria": criteria}


def _kept(name: str) -> bool:
    plain = name.lower().replace("-", "_")
    return plain.startswith(("sagemaker_", "_", *(word for word in _KEPT if word.endswith("_")))) or plain in _KEPT


def _range(hint: str) -> tuple[str | None, dict[str, Any]]:
    """The kind of range that an example value asks for, and the range; None for what cannot be searched."""
    for truths in _TRUTHS:
        if hint in truths:
            return "CategoricalParameterRanges", {"Values": list(truths)}
    try:
        number = float(hint)
    except ValueError:
        return None, {}
    if not math.isfinite(number) or number < 0:
        return None, {}
    if number == 0:
        return "ContinuousParameterRanges" if "." in hint else "IntegerParameterRanges", _ends(
            0, 1 if "." in hint else 10
        )
    if number.is_integer() and not any(mark in hint for mark in ".eE"):
        low, high = max(1, math.floor(number / 4)), math.ceil(number * 4)
        return "IntegerParameterRanges", _ends(low, high, "Logarithmic" if number > _WIDE else "Linear")
    if number > 1 or number <= _SMALL:
        return "ContinuousParameterRanges", _ends(number / _WIDE, number * _WIDE, "Logarithmic")
    # A share of something, which stays one.
    return "ContinuousParameterRanges", _ends(number / 2, min(number * 2, 1.0))


def _ends(low: float, high: float, scale: str = "Linear") -> dict[str, Any]:
    spelled = {"MinValue": f"{low:.12g}", "MaxValue": f"{high:.12g}"}
    return {**spelled, "ScalingType": scale}
