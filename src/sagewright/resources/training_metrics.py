"""The metric definitions that built-in algorithms bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sagewright.base import toolkit


def built_in(image: str, hyperparameters: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
    """What the algorithm in an image prints of itself; nothing in script mode, where scripts print what they like."""
    if "sagemaker_program" in hyperparameters:
        return ()
    algorithm = toolkit.algorithm_of(image)
    metrics = algorithm["metrics"] if algorithm is not None else ()
    return [{"Name": metric["name"], "Regex": metric["regex"]} for metric in metrics]
