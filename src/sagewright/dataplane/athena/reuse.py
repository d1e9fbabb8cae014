"""Results that are used again: those of the same SELECT in the same workgroup, whose result goes to the same place."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from sagewright.resources.record import Record
from sagewright.store.base import Query

FACET: Final = "Same"
"""Queries with the same value of it have the same result, as far as the tables stay as they are."""
_MINUTES: Final = 60
"""How old a result may be where the request does not say."""


def told(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """ResultReuseByAgeConfiguration of a query."""
    found: Mapping[str, Any] = spec.get("ResultReuseConfiguration", {}).get("ResultReuseByAgeConfiguration", {})
    return found


def digest(spec: Mapping[str, Any], text: str) -> str:
    """The facet's value for a query that carries `text` out."""
    context = spec.get("QueryExecutionContext", {}).get("Database", "default").strip("`").lower()
    parts = (text.strip().rstrip(";"), context, spec["WorkGroup"], spec["OutputLocation"].rpartition("/")[0])
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def oldest(record: Record) -> float | None:
    """When the result that a query may use was asked for at the earliest, in epoch seconds; None: it uses none."""
    asked = told(record.spec)
    if not asked.get("Enabled") or not record.facets.get(FACET):
        return None
    return record.created - 60.0 * float(asked.get("MaxAgeInMinutes", _MINUTES))


def earlier(record: Record, oldest: float) -> Query:
    """The queries whose results a query may use, newest first."""
    return Query(
        record.key.account,
        record.key.region,
        record.key.kind,
        facets={FACET: record.facets[FACET]},
        states=("SUCCEEDED",),
        created_after=oldest,
        sort_by="created",
        descending=True,
    )
