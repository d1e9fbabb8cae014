"""The reference page of the built-in algorithms, made from what they declare (`sagewright.testing.reference`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sagewright.base import toolkit

_HEAD: Final = """\
# Built-in algorithms

Each takes the hyperparameters, channels and content types of AWS's algorithm of that name, and prints the metrics that
AWS publishes. This page is made from their own declarations (`make docs`); `make lint` fails when it is out of date.

A wrong hyperparameter fails the job before it trains, with a `ClientError` that names it. "no effect": the value is
checked and then not needed here.

## How good they are

Trained by the toolkit's program on files, and asked by requests, beside the library that each stands on, with the same
settings on the same rows. Where no library has the algorithm, the nearest that scikit-learn or PyTorch gives stands
beside it. `python -m bench quality --only ALGORITHM` measures a line anew (without `--only`, all of them), `make docs`
puts it here.

"""
_QUALITY: Final = Path(__file__).with_name("quality.json")


def page() -> str:
    """The whole page."""
    found = json.loads(_QUALITY.read_text(encoding="utf-8"))
    lines = ["| algorithm | data | measure | here | beside it | settings |", "|---|---|---|---|---|---|"]
    lines += [_quality(name, told) for name, told in sorted(found.items())]
    return _HEAD + "\n".join([*lines, "", *(_algorithm(each) for each in toolkit.algorithms())])


def _quality(name: str, told: Mapping[str, Any]) -> str:
    better = "more" if told["more"] else "less"
    theirs = f"{told['theirs']:.4g} ({told['peer']})"
    measure = f"{told['metric']} ({better} is better)"
    return f"| `{name}` | {told['data']} | {measure} | {told['ours']:.4g} | {theirs} | {told['settings']} |"


def _algorithm(declared: Mapping[str, Any]) -> str:
    images = ", ".join(f"`{name}`" for name in declared["repositories"])
    channels = "; ".join(_channel(each) for each in declared["channels"])
    hosts = "one or several" if declared["parallel"] else "one"
    lines = [f"## {declared['name']}\n"]
    lines += [f"Images {images}, environment `{declared['environment']}`. Instances: {hosts}.", ""]
    lines += [f"Channels: {channels}.", "", "| hyperparameter | values | default | tune |", "|---|---|---|---|"]
    lines += [_hyperparameter(each) for each in declared["hyperparameters"]]
    names = ", ".join(f"`{each['name']}`" for each in declared["metrics"])
    return "\n".join([*lines, "", f"Metrics: {names or 'none'}.", ""])


def _channel(declared: Mapping[str, Any]) -> str:
    kinds = ", ".join(f"`{name}`" for name in declared["content_types"])
    return f"`{declared['name']}`{' (required)' if declared['required'] else ''}: {kinds}"


def _hyperparameter(declared: Mapping[str, Any]) -> str:
    values = ", ".join(f"`{each}`" for each in declared["choices"]) or _numbers(declared)
    default = "required" if declared["required"] else "" if declared["default"] is None else f"`{declared['default']}`"
    tunable = declared["tunable"]
    tune = ", ".join(tunable) if isinstance(tunable, list) else _bounds(tunable) if tunable else ""
    name = " or ".join(f"`{each}`" for each in (declared["name"], *declared["aliases"]))
    return f"| {name} | {values}{', no effect' if declared['ignored'] else ''} | {default} | {tune} |"


def _numbers(declared: Mapping[str, Any]) -> str:
    kinds = {"Integer": "whole number", "Continuous": "number", "FreeText": "text", "Tuple": "tuple", "List": "list"}
    kind = kinds.get(declared["kind"], "list of lists")
    numbers = f"{kind} {_bounds(declared['range'])}".strip()
    return " or ".join((numbers, *(f"`{each}`" for each in declared["words"])))


def _bounds(told: Mapping[str, Any]) -> str:
    """A range as one reads it; empty where there is none."""
    low, high = told["low"], told["high"]
    if low is None and high is None:
        return ""
    if high is None:
        return f"{'above' if told['low_open'] else 'from'} {low}"
    if low is None:
        return f"{'below' if told['high_open'] else 'up to'} {high}"
    return f"{'above ' if told['low_open'] else ''}{low} to {'below ' if told['high_open'] else ''}{high}"
