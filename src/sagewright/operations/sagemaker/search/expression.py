"""Search expressions: what they ask of a document."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sagewright.base.errors import validation_error
from sagewright.operations.sagemaker.search.document import nodes, values

Test = Callable[[Any], bool]
"""Of a document."""

MOST_CONDITIONS: Final = 50
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
_CONTAINED_OFTEN: Final = (
    "displayname", "experimentname", "trialname", "trialcomponentname", "tags", "inputartifacts", "outputartifacts",
)  # fmt: skip
"""Properties that an expression may ask `Contains` of more than once."""


def test_of(expression: Mapping[str, Any], known: Collection[str]) -> Test:
    """What a document must pass. Properties whose first step is not `known` (in lower case) match nothing.

    Raises a ValidationException for an expression that does not hold together.
    """
    conditions = list(_conditions(expression))
    if len(conditions) > MOST_CONDITIONS:
        raise validation_error(
            f"A search expression may have {MOST_CONDITIONS} conditions; this has {len(conditions)}."
        )
    contains = [each for each in conditions if each.get("Operator") == "Contains"]
    if sum(first_step(each["Name"]) not in _CONTAINED_OFTEN for each in contains) > 1:
        raise validation_error("'CONTAINS' operator usage limit of 1 exceeded.")
    return _test(expression, known)


def first_step(path: str) -> str:
    """The property of a result that a path leads into, in lower case."""
    return path.partition(".")[0].lower()


def first_steps(expression: Mapping[str, Any]) -> set[str]:
    """Those of all conditions."""
    nested = [each["NestedPropertyName"] for each in _nested_ones(expression)]
    return {first_step(path) for path in (*(each["Name"] for each in _conditions(expression)), *nested)}


def equalities(expression: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and value of what every match must equal."""
    filters = expression.get("Filters", ())
    if expression.get("Operator", "And") == "And" or len(list(_parts(expression))) == 1:
        for each in filters:
            if each.get("Operator", "Equals") == "Equals" and "Value" in each:
                yield each["Name"], each["Value"]
        for each in expression.get("SubExpressions", ()):
            yield from equalities(each)


def _parts(expression: Mapping[str, Any]) -> Iterator[Any]:
    for member in ("Filters", "NestedFilters", "SubExpressions"):
        yield from expression.get(member, ())


def _conditions(expression: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from expression.get("Filters", ())
    for nested in expression.get("NestedFilters", ()):
        yield from nested["Filters"]
    for each in expression.get("SubExpressions", ()):
        yield from _conditions(each)


def _nested_ones(expression: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from expression.get("NestedFilters", ())
    for each in expression.get("SubExpressions", ()):
        yield from _nested_ones(each)


def _below(name: str, path: str) -> str:
    """A path without the one that it begins with."""
    return name[len(path) + 1 :] if name.lower().startswith(f"{path.lower()}.") else name


def _test(expression: Mapping[str, Any], known: Collection[str]) -> Test:
    tests = [
        *(_filter(each, known) for each in expression.get("Filters", ())),
        *(_nested(each, known) for each in expression.get("NestedFilters", ())),
        *(_test(each, known) for each in expression.get("SubExpressions", ())),
    ]
    if not tests:
        raise validation_error("A search expression needs at least one filter, nested filter or sub-expression.")
    joined = any if expression.get("Operator") == "Or" else all
    return lambda document: joined(test(document) for test in tests)


def _nested(condition: Mapping[str, Any], known: Collection[str]) -> Test:
    """One element of the list must pass all of the filters, which name its properties from the top."""
    path = condition["NestedPropertyName"]
    own = [{**each, "Name": _below(each["Name"], path)} for each in condition["Filters"]]
    if first_step(path) not in known:
        return lambda _document: False
    tests = [_filter(each, None) for each in own]
    return lambda document: any(all(test(node) for test in tests) for node in nodes(document, path))


def _filter(condition: Mapping[str, Any], known: Collection[str] | None) -> Test:
    name, wanted = condition["Name"], condition.get("Value")
    kind = condition.get("Operator", "Equals")
    if wanted is None and kind not in ("Exists", "NotExists"):
        raise validation_error(f"The filter on {name} needs a Value.")
    if known is not None and first_step(name) not in known:
        return lambda _document: False
    if kind == "Exists":
        return lambda document: next(nodes(document, name), None) is not None
    if kind == "NotExists":
        return lambda document: next(nodes(document, name), None) is None
    assert wanted is not None
    if kind == "NotEquals":
        return lambda document: not any(_equal(value, wanted) for value in values(document, name))
    one = _one(kind, wanted)
    return lambda document: any(one(value) for value in values(document, name))


def _one(kind: str, wanted: str) -> Callable[[Any], bool]:
    """What one value must pass."""
    if kind == "Equals":
        return lambda value: _equal(value, wanted)
    if kind == "In":
        choices = [choice.strip() for choice in wanted.split(",")]
        return lambda value: any(_equal(value, choice) for choice in choices)
    if kind == "Contains":
        return lambda value: isinstance(value, str) and wanted in value
    compare, bound = _COMPARISONS[kind], _number(wanted)

    def beyond(value: Any) -> bool:
        number = _number(value)
        return number is not None and bound is not None and compare(number, bound)

    return beyond


def _equal(value: Any, wanted: str) -> bool:
    if isinstance(value, bool):
        return wanted.lower() == str(value).lower()
    if isinstance(value, str):
        return value == wanted or (value.startswith("arn:") and _same_arn(value, wanted))
    return bool(value == _number(wanted))


def _same_arn(value: str, wanted: str) -> bool:
    """ARNs may have lost their capitals; SDKs also ask for one of several, with commas between them."""
    return value.lower() in wanted.lower().split(",")


def _number(value: Any) -> float | None:
    """A number, a text that is one, or a point in time as epoch seconds; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        pass
    try:
        time = datetime.fromisoformat(value)
        return (time if time.tzinfo is not None else time.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
