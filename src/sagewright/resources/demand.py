"""How many instances of a serverless variant are asked for: what the data plane tells the controllers.

A record of its own for each variant, under the endpoint's name, there only while somebody asks. The data plane alone
writes it, and only when the number changes; controllers read it.
"""

from __future__ import annotations

from typing import Final

from sagewright.resources.record import Key, Record

KIND: Final = "endpoint-demand"


def key(endpoint: Key, variant: str) -> Key:
    """Where the demand for a variant is told."""
    return Key(endpoint.account, endpoint.region, KIND, endpoint.name, variant)


def wanted(demand: Record | None, endpoint: Record) -> int:
    """How many instances are asked for; what was told of an earlier endpoint of the name counts for nothing."""
    if demand is None or demand.spec["endpoint"] != endpoint.uid:
        return 0
    count: int = demand.spec["wanted"]
    return count
