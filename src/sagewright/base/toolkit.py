"""The container toolkit beside us: where it lies, and what its built-in algorithms declare of themselves.

It is read as data and never imported, because it runs in other environments than the server.
"""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


@functools.cache
def folder() -> Path | None:
    """The folder of the package `sagewright_container`; None where it is not installed."""
    spec = importlib.util.find_spec("sagewright_container")
    places = spec.submodule_search_locations if spec is not None else None
    return Path(next(iter(places))) if places else None


@functools.cache
def algorithms() -> Sequence[Mapping[str, Any]]:
    """The built-in algorithms: name, environment, repositories, hyperparameters, channels, metrics.

    The file is made of the algorithms' own declarations (`make docs`), so that nothing is said twice.
    """
    found = folder()
    if found is None:
        return ()
    declared: Sequence[Mapping[str, Any]] = json.loads((found / "algorithms" / "declared.json").read_bytes())
    return declared


def algorithm_of(image: str) -> Mapping[str, Any] | None:
    """The algorithm in an image; None for all other images."""
    name = image.rpartition("/")[2].partition(":")[0].partition("@")[0]
    return next((each for each in algorithms() if name in each["repositories"]), None)
