"""What uses are grouped and filtered by, in Cost Explorer's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.dataplane.cost.ledger import Use
from sagewright.operations.call import Call, Params

SERVICE: Final = "Amazon SageMaker"
CREATED_BY: Final = "aws:createdBy"
"""The tag that AWS makes of who made a resource. Here it is the ARN of the user or role."""
RESOURCE: Final = "RESOURCE_ID"

_USAGE_TYPES: Final[Mapping[str, str]] = {
    "Training": "Train",
    "WarmPool": "Train-WarmPool",
    "Transform": "Tsform",
    "Endpoint": "Host",
    "Processing": "Processing",
    "Notebook": "Notebk",
    "App": "Studio",
}
_DIRECTIONS: Final = {"east": "E", "west": "W", "north": "N", "south": "S", "central": "C", "northeast": "N",
                      "southeast": "S"}  # fmt: skip
_NAMED: Final = {"eu-west-1": "EU", "ca-central-1": "CAN1", "ap-south-1": "APS3"}
"""Regions that bills spell in a way of their own."""


def usage_type(use: Use) -> str:
    """As bills spell it: `USE1-Train:ml.m5.large`, and `USE1-Train-Spot:…` for Spot instances."""
    spot = "-Spot" if use.line.spot else ""
    return f"{_area(use.entry.region)}-{_USAGE_TYPES[use.line.kind]}{spot}:{use.line.instance_type}"


def _area(region: str) -> str:
    """`USE1` of us-east-1."""
    area, _, rest = region.partition("-")
    direction, _, number = rest.rpartition("-")
    return _NAMED.get(region, f"{area.upper()}{_DIRECTIONS.get(direction, direction.upper())}{number}")


def dimensions(account: str) -> Mapping[str, Callable[[Use], str]]:
    """What each of them is, of a use."""
    return {
        "SERVICE": lambda use: SERVICE,
        "SERVICE_CODE": lambda use: "AmazonSageMaker",
        "USAGE_TYPE": usage_type,
        "INSTANCE_TYPE": lambda use: use.line.instance_type,
        "LINKED_ACCOUNT": lambda use: account,
        "OPERATION": lambda use: "RunInstance",
        "PURCHASE_TYPE": lambda use: "Spot Instances" if use.line.spot else "On Demand Instances",
        "RECORD_TYPE": lambda use: "Usage",
        "REGION": lambda use: use.entry.region,
        RESOURCE: lambda use: use.entry.arn,
    }


def dimension(call: Call, name: str, *, resources: bool = False) -> Callable[[Use], str]:
    """One of them. Raises a ValidationException that says which there are."""
    known = dimensions(call.account)
    if name == RESOURCE and not resources:
        raise validation_error("RESOURCE_ID is a dimension of GetCostAndUsageWithResources only.")
    if name not in known:
        raise validation_error(f"Sagewright does not know the dimension {name}. There are: {', '.join(sorted(known))}.")
    return known[name]


def tags(use: Use) -> Mapping[str, str]:
    """A use's cost allocation tags: all that what used it has, and who made it."""
    return {**use.entry.tags, **({CREATED_BY: use.entry.owner} if use.entry.owner else {})}


def fitting(call: Call, expression: Params | None, *, resources: bool = False) -> Callable[[Use], bool]:
    """A filter as a test of one use. Raises a ValidationException for what is none."""
    if expression is None:
        return lambda use: True
    return _test(call, expression, resources, depth=0)


def _test(call: Call, expression: Params, resources: bool, depth: int) -> Callable[[Use], bool]:
    if len(expression) != 1 or depth > 10:
        raise validation_error(
            "An expression has exactly one of And, Or, Not, Dimensions and Tags, and they are at most ten deep."
        )
    ((kind, value),) = expression.items()
    if kind in ("And", "Or"):
        if len(value) < 2:
            raise validation_error(f"{kind} needs at least two expressions.")
        parts = [_test(call, each, resources, depth + 1) for each in value]
        every = all if kind == "And" else any
        return lambda use: every(part(use) for part in parts)
    if kind == "Not":
        inner = _test(call, value, resources, depth + 1)
        return lambda use: not inner(use)
    if kind == "Dimensions":
        of = dimension(call, value.get("Key", ""), resources=resources)
        matches = _matches(value)
        return lambda use: matches(of(use))
    if kind == "Tags":
        key = value.get("Key", "")
        matches = _matches(value)
        return lambda use: matches(tags(use).get(key))
    raise validation_error(f"Sagewright does not filter by {kind} yet: filter by Dimensions or Tags.")


def _matches(given: Mapping[str, Any]) -> Callable[[str | None], bool]:
    options = set(given.get("MatchOptions", ())) or {"EQUALS"}
    wanted: Sequence[str] = given.get("Values", ())
    if "GREATER_THAN_OR_EQUAL" in options:
        raise validation_error("The match option GREATER_THAN_OR_EQUAL is not for Dimensions and Tags of costs.")
    if "ABSENT" in options:
        return lambda value: not value
    if not wanted:
        raise validation_error("Values must hold what is looked for.")
    fold = str.casefold if "CASE_INSENSITIVE" in options else str
    how = options - {"CASE_SENSITIVE", "CASE_INSENSITIVE"}
    tests: Mapping[str, Callable[[str, str], bool]] = {
        "STARTS_WITH": str.startswith,
        "ENDS_WITH": str.endswith,
        "CONTAINS": str.__contains__,
        "EQUALS": str.__eq__,
    }
    compare = tests[min(how, default="EQUALS")]
    return lambda value: value is not None and any(compare(fold(value), fold(each)) for each in wanted)


def grouping(call: Call, groups: Sequence[Params], *, resources: bool = False) -> Callable[[Use], tuple[str, ...]]:
    """What a use's group is called. Raises a ValidationException."""
    if len(groups) > 2:
        raise validation_error("Costs are grouped by at most two things.")
    parts = [_part(call, each, resources) for each in groups]
    return lambda use: tuple(part(use) for part in parts)


def _part(call: Call, group: Params, resources: bool) -> Callable[[Use], str]:
    key, kind = group.get("Key", ""), group.get("Type", "DIMENSION")
    if kind == "TAG":
        return lambda use: f"{key}${tags(use).get(key, '')}"
    if kind == "DIMENSION":
        return dimension(call, key, resources=resources)
    raise validation_error(f"Sagewright does not group by {kind} yet: group by DIMENSION or TAG.")


def next_page(request: Params, most: int) -> int:
    """Where the page begins that a request asks for. Raises InvalidNextTokenException."""
    token = request.get("NextPageToken") or "0"
    if not (token.isascii() and token.isdigit()) or int(token[:12]) > most:
        raise AwsError("InvalidNextTokenException", "This page token was not given by an earlier answer.")
    return int(token)
