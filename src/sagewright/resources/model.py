"""A model as its request describes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def containers(model: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Its containers, first the one that is asked first, however the request names them."""
    return [model["PrimaryContainer"]] if "PrimaryContainer" in model else list(model.get("Containers", ()))
