"""Search: resources whose properties pass an expression, in the order of any property."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import ordered
from sagewright.operations.sagemaker.search import expression as expressions
from sagewright.operations.sagemaker.search.document import values
from sagewright.operations.sagemaker.search.resources import Found, Resource, resource
from sagewright.operations.table import Operations

operations = Operations()
_PAGE: Final = 10
_TAGS: Final = "Tags."


@operations
def search(call: Call, request: Params) -> Params:
    """An equality on a name or on what records are listed by is looked up; everything else is looked through."""
    wanted = resource(request["Resource"])
    found = [] if request.get("CrossAccountFilterOption") == "CrossAccount" else list(_matching(call, request, wanted))
    rows = [(_position(each, request.get("SortBy")), each) for each in found]
    descending = request.get("SortOrder", "Descending") == "Descending"
    try:
        shown, token = ordered(rows, descending, request.get("MaxResults", _PAGE), request.get("NextToken"))
    except ValueError as error:
        raise validation_error(f"Invalid NextToken: {error}") from None
    if wanted.more:  # what nobody asked about was not looked up yet
        shown = list(wanted.found(call, [each.record for each in shown]))
    return {
        "Results": [{wanted.member: each.result} for each in shown],
        "TotalHits": {"Value": len(found), "Relation": "EqualTo"},
        **({"NextToken": token} if token is not None else {}),
    }


def _matching(call: Call, request: Params, wanted: Resource) -> Iterator[Found]:
    expression = request.get("SearchExpression")
    equal: Sequence[tuple[str, str]] = []
    test: expressions.Test = _anything
    asked = {expressions.first_step(request.get("SortBy", ""))}
    if expression is not None:
        test = expressions.test_of(expression, wanted.properties())
        equal = list(expressions.equalities(expression))
        asked |= expressions.first_steps(expression)
    for found in wanted.found(call, wanted.candidates(call, equal), asked):
        if test(found.document) and _visible(found, request):
            yield found


def _anything(_document: Any) -> bool:
    return True


def _visible(found: Found, request: Params) -> bool:
    """Whether all of its tags that conditions are about have the values that these want."""
    for condition in request.get("VisibilityConditions", ()):
        key = condition.get("Key", "").removeprefix(_TAGS)
        if found.record.tags.get(key, condition.get("Value")) != condition.get("Value"):
            return False
    return True


def _position(found: Found, path: str | None) -> Sequence[Any]:
    """Numbers sort by value, before texts; what has no such property comes first of all."""
    value = found.record.modified if path is None else next(values(found.document, path), None)
    key: tuple[int, Any] = (0, 0)
    if isinstance(value, str):
        key = (2, value)
    elif value is not None and math.isfinite(value):
        key = (1, float(value))
    return [*key, found.record.key.parent, found.name]
