"""What experiments, trials and components have in common: names in any case, and a name to be displayed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sagewright.operations.call import Params
from sagewright.operations.sagemaker.noun import Noun, already_exists, resource_not_found
from sagewright.resources.record import Record


def declare(
    title: str,
    kind: str,
    what: str,
    facets: Mapping[str, str],
    filters: Mapping[str, Any],
    also: Callable[[Record], Params] = lambda _record: {},
) -> Noun:
    """A noun of experiments. `what` is how sentences call it."""

    def displayed(record: Record) -> Params:
        return {"DisplayName": record.spec.get("DisplayName", record.spec[f"{title}Name"]), **also(record)}

    return Noun(
        title,
        kind,
        resource_not_found(what),
        already_exists(what),
        ignores_case=True,
        facets=facets,
        filters=filters,
        also=displayed,
    )
