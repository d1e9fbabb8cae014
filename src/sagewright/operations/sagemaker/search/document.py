"""A resource as search sees it: the result that a client gets, and what lies at the paths into it.

A path's steps are joined by dots; keys of maps may have dots of their own. Lists stand for all of their elements. Tags
and metrics are found by name: `Tags.team`, `Metrics.loss`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sagewright.operations.call import Params

_VALUES: Final = ("NumberValue", "StringValue", "Value", "Last")
"""What a structure stands for when it is compared as a whole: parameters, artifacts, metrics."""


def by_name(result: Mapping[str, Any]) -> Params:
    """A result with its tags and metrics under their names."""
    document: Params = dict(result)
    if "Tags" in result:
        document["Tags"] = {tag["Key"]: tag["Value"] for tag in result["Tags"]}
    for member in ("FinalMetricDataList", "Metrics"):
        if member in result:
            document["Metrics"] = {metric["MetricName"]: metric for metric in result[member]}
    return document


def values(document: Any, path: str) -> Iterator[Any]:
    """All texts, numbers and truth values at a path."""
    for node in nodes(document, path):
        yield from _scalars(node)


def nodes(document: Any, path: str) -> Iterator[Any]:
    """Whatever lies at a path, once for each element of the lists on the way."""
    yield from _walk(document, path.split(".") if path else ())


def _walk(node: Any, steps: Sequence[str]) -> Iterator[Any]:
    if isinstance(node, list):
        for element in node:
            yield from _walk(element, steps)
    elif not steps:
        if node is not None:
            yield node
    elif isinstance(node, Mapping):
        for length in range(len(steps), 0, -1):  # the longest key first: keys may have dots
            key = ".".join(steps[:length])
            if key in node:
                yield from _walk(node[key], steps[length:])
                return


def _scalars(node: Any) -> Iterator[Any]:
    if not isinstance(node, Mapping):
        yield node
        return
    for member in _VALUES:
        if member in node:
            yield node[member]
            return
    for key, value in node.items():  # tags as a whole: their keys, and their values
        yield key
        if isinstance(value, str):
            yield value
