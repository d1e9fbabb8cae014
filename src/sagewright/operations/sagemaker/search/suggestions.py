"""GetSearchSuggestions: the properties of a resource that begin as somebody has begun to write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from botocore.model import ListShape, MapShape, Shape, StructureShape

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.search.document import Names
from sagewright.operations.sagemaker.search.resources import Resource, resource
from sagewright.operations.table import Operations

operations = Operations()
_DEEPEST: Final = 6
_LOOKED_AT: Final = 200
"""Results whose tags, metrics and map keys are suggested."""


@operations
def get_search_suggestions(call: Call, request: Params) -> Params:
    wanted = resource(request["Resource"])
    hint = request.get("SuggestionQuery", {}).get("PropertyNameQuery", {}).get("PropertyNameHint", "").lower()
    names = {*_declared(wanted.shape), *_used(call, wanted)}
    return {"PropertyNameSuggestions": [{"PropertyName": name} for name in sorted(names) if _begins(name, hint)]}


def _begins(name: str, hint: str) -> bool:
    return name.lower().startswith(hint)


def _declared(shape: Shape, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The paths to all that is no structure or map."""
    if isinstance(shape, ListShape):
        yield from _declared(shape.member, path)
    elif isinstance(shape, StructureShape):
        if len(path) < _DEEPEST:
            for member, inner in shape.members.items():
                yield from _declared(inner, (*path, member))
    elif not isinstance(shape, MapShape):
        yield ".".join(path)


def _used(call: Call, wanted: Resource) -> Iterator[str]:
    """The paths to what maps hold."""
    for found in islice(wanted.found(call, wanted.candidates(call, ())), _LOOKED_AT):
        for member, value in found.document.items():
            shape = wanted.shape.members.get(member)
            if isinstance(value, Names) or (isinstance(value, Mapping) and isinstance(shape, MapShape)):
                yield from _keys(member, value)


def _keys(member: str, value: Mapping[str, Any]) -> Iterator[str]:
    for key in value:
        yield f"{member}.{key}"
