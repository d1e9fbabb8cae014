"""A model as its request describes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def containers(model: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Its containers, first the one that is asked first, however the request names them."""
    return [model["PrimaryContainer"]] if "PrimaryContainer" in model else list(model.get("Containers", ()))


def model_data(container: Mapping[str, Any]) -> str | None:
    """Where a container's model lies in S3; None for those that bring theirs along."""
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    found = source.get("S3Uri") or container.get("ModelDataUrl")
    return None if found is None else str(found)
