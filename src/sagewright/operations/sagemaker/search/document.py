"""A resource as search sees it: the result that a client gets, and what lies at the paths into it.

A path's steps are joined by dots; keys of maps may have dots of their own. Lists stand for all of their elements. Tags,
metrics and the parameters of features are found by name: `Tags.team`, `Metrics.loss`, `Parameters.team`; the keys and
values of all of them are `AllTags` and `AllParameters`. Members may be written in any case, as notebooks do
(`metrics.loss.max`); names that users chose may not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from sagewright.operations.call import Params

_VALUES: Final = ("NumberValue", "StringValue", "Value", "Last")
"""What a structure stands for when it is compared as a whole: parameters, artifacts, metrics."""


class Names(dict[str, Any]):
    """A map whose keys are users'."""


def by_name(result: Mapping[str, Any], maps: Collection[str] = ()) -> Params:
    """A result with its tags and metrics under their names; `maps` are its members that are maps."""
    document: Params = dict(result)
    for member in maps:
        if member in result:
            document[member] = Names(result[member])
    for member in ("Tags", "Parameters"):
        if isinstance(pairs := result.get(member), list):
            document[member] = Names((pair["Key"], pair.get("Value")) for pair in pairs)
            document[f"All{member}"] = [text for pair in pairs for text in (pair["Key"], pair.get("Value"))]
    for member in ("FinalMetricDataList", "Metrics"):
        if member in result:
            document["Metrics"] = Names((metric["MetricName"], metric) for metric in result[member])
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
        lengths = range(len(steps), 0, -1)  # the longest key first: keys may have dots
        found = next((length for length in lengths if ".".join(steps[:length]) in node), None)
        if found is not None:
            yield from _walk(node[".".join(steps[:found])], steps[found:])
            return
        folded = {} if isinstance(node, Names) else {key.lower(): key for key in node}
        for length in lengths:
            key = folded.get(".".join(steps[:length]).lower())
            if key is not None:
                yield from _walk(node[key], steps[length:])
                return


def _scalars(node: Any) -> Iterator[Any]:
    if not isinstance(node, Mapping):
        yield node
        return
    if not isinstance(node, Names):
        for member in _VALUES:
            if member in node:
                yield node[member]
                return
    for key, value in node.items():  # tags as a whole: their keys, and their values
        yield key
        if isinstance(value, str):
            yield value
