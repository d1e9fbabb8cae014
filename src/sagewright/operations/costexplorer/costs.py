"""GetCostAndUsage and its kin: the sums, and the values that they can be grouped by."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sagewright.base.errors import validation_error
from sagewright.dataplane.cost import sums
from sagewright.dataplane.cost.ledger import Use
from sagewright.dataplane.cost.sums import Granularity, Sum
from sagewright.operations.call import Call, Params
from sagewright.operations.costexplorer.dimensions import dimension, fitting, grouping, next_page, tags
from sagewright.operations.table import Operations

operations = Operations()

_COSTS: Final = ("AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost", "UnblendedCost")
"""There are neither discounts nor reservations here, so all of them are the same."""
_QUANTITY: Final = "UsageQuantity"
_MOST_STRETCHES: Final[Mapping[Granularity, int]] = {"HOURLY": 14 * 24, "DAILY": 2 * 366, "MONTHLY": 38}
_GROUPS_OF_A_PAGE: Final = 2000
_VALUES_OF_A_PAGE: Final = 1000
_LAST_YEAR: Final = 9000
"""The calendar must go on for a while after it."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@operations
def get_cost_and_usage(call: Call, request: Params) -> Params:
    return _costs(call, request, resources=False)


@operations
def get_cost_and_usage_with_resources(call: Call, request: Params) -> Params:
    return _costs(call, request, resources=True)


def _costs(call: Call, request: Params, *, resources: bool) -> Params:
    granularity: Granularity = request["Granularity"]
    start, end = _period(request["TimePeriod"], hours=granularity == "HOURLY")
    metrics = _metrics(request.get("Metrics") or ["UnblendedCost"])
    groups = request.get("GroupBy", [])
    group = grouping(call, groups, resources=resources)
    fits = fitting(call, request.get("Filter"), resources=resources)
    borders = _borders(start, end, granularity)
    found = sums.sums((use for use in _uses(call, start, end) if fits(use)), borders, group)
    first = next_page(request, len(found))
    shown, told = first, 0
    results: list[Params] = []
    while shown < len(found) and told < _GROUPS_OF_A_PAGE:
        result = _result(found[shown], metrics, grouped=bool(groups))
        period = {"Start": _spelled(borders[shown], granularity), "End": _spelled(borders[shown + 1], granularity)}
        results.append({"TimePeriod": period, **result, "Estimated": borders[shown + 1] > call.now})
        told += len(found[shown])
        shown += 1
    answer: Params = {"ResultsByTime": results, "DimensionValueAttributes": []}
    if groups:
        answer["GroupDefinitions"] = [{"Type": "DIMENSION", **each} for each in groups]
    if shown < len(found):
        answer["NextPageToken"] = str(shown)
    return answer


@operations
def get_dimension_values(call: Call, request: Params) -> Params:
    of = dimension(call, request["Dimension"], resources=True)
    found = _values(call, request, lambda use: [of(use)])
    return _page(request, "DimensionValues", [{"Value": each, "Attributes": {}} for each in found])


@operations
def get_tags(call: Call, request: Params) -> Params:
    key = request.get("TagKey")
    if key is None:
        found = _values(call, request, lambda use: list(tags(use)))
    else:
        found = _values(call, request, lambda use: [tags(use).get(key, "")])
    return _page(request, "Tags", found)


def _values(call: Call, request: Params, of: Any) -> Sequence[str]:
    """The values that uses of a period have: by name, or by what they come to if that is asked for."""
    start, end = _period(request["TimePeriod"], hours="T" in request["TimePeriod"]["Start"])
    fits = fitting(call, request.get("Filter"), resources=True)
    wanted = request.get("SearchString", "").casefold()
    totals: dict[str, Sum] = {}
    for use in _uses(call, start, end):
        if fits(use):
            for value in of(use):
                if wanted in value.casefold():
                    totals.setdefault(value, Sum()).add(use.hours(start, end), use.usd_per_hour)
    names = sorted(totals)
    for order in reversed(request.get("SortBy", [])):
        (metric,) = _metrics([order["Key"]])
        names.sort(
            key=lambda name: totals[name].hours if metric == _QUANTITY else totals[name].usd,
            reverse=order.get("SortOrder") == "DESCENDING",
        )
    return names


def _page(request: Params, member: str, values: Sequence[Any]) -> Params:
    first = next_page(request, len(values))
    shown = values[first : first + min(request.get("MaxResults", _VALUES_OF_A_PAGE), _VALUES_OF_A_PAGE)]
    last = first + len(shown)
    more = {"NextPageToken": str(last)} if last < len(values) else {}
    return {member: shown, "ReturnSize": len(shown), "TotalSize": len(values), **more}


def _uses(call: Call, start: float, end: float) -> Sequence[Use]:
    return list(call.services.ledger.uses(call.account, start, end))


def _result(found: Mapping[tuple[str, ...], Sum], metrics: Sequence[str], *, grouped: bool) -> Params:
    if not grouped:
        return {"Total": _amounts(found.get((), Sum()), metrics), "Groups": []}
    told = [{"Keys": list(keys), "Metrics": _amounts(total, metrics)} for keys, total in sorted(found.items())]
    return {"Total": {}, "Groups": told}


def _amounts(total: Sum, metrics: Sequence[str]) -> Params:
    return {
        metric: {"Amount": _number(total.hours), "Unit": "Hrs"}
        if metric == _QUANTITY
        else {"Amount": _number(total.usd), "Unit": "USD"}
        for metric in metrics
    }


def _number(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".")


def _metrics(asked: Sequence[str]) -> Sequence[str]:
    """Metrics as answers spell them; requests may write them in capitals. Raises a ValidationException."""
    known = {name.upper(): name for name in (*_COSTS, _QUANTITY)}
    found = []
    for name in asked:
        plain = name.replace("_", "").upper()
        if plain not in known:
            raise validation_error(f"There is no metric {name}. There are: {', '.join(known.values())}.")
        found.append(known[plain])
    return found


def _period(period: Mapping[str, str], *, hours: bool) -> tuple[float, float]:
    """Epoch seconds. Raises a ValidationException."""
    start, end = (_time(period[member], hours=hours) for member in ("Start", "End"))
    if start >= end:
        raise validation_error("The start of the TimePeriod must be before its end, which does not belong to it.")
    return start, end


def _time(text: str, *, hours: bool) -> float:
    """`2026-11-29`, or `2026-11-29T13:00:00Z` where hours count."""
    form, example = ("%Y-%m-%dT%H:%M:%SZ", "2026-11-29T13:00:00Z") if hours else ("%Y-%m-%d", "2026-11-29")
    if hours and re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        text = f"{text}T00:00:00Z"
    try:
        found = datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        found = None
    if found is None or found.year > _LAST_YEAR:
        raise validation_error(f"{text!r} is not a time of this granularity: write it like {example}.")
    return max(found, _EPOCH).timestamp()


def _borders(start: float, end: float, granularity: Granularity) -> Sequence[float]:
    most = _MOST_STRETCHES[granularity]
    found = []
    for edge in sums.edges(start, end, granularity):
        found.append(edge)
        if len(found) > most + 1:
            raise validation_error(f"A {granularity} answer covers at most {most} of them: ask for a shorter time.")
    return found


def _spelled(time: float, granularity: Granularity) -> str:
    form = "%Y-%m-%dT%H:%M:%SZ" if granularity == "HOURLY" else "%Y-%m-%d"
    return datetime.fromtimestamp(time, UTC).strftime(form)
