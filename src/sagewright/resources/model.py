"""A model as its request describes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def containers(model: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Its containers, first the one that is asked first, however the request names them."""
    return [model["PrimaryContainer"]] if "PrimaryContainer" in model else list(model.get("Containers", ()))


def hostnames(containers: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """What each container is called: by its request, else by its place, as on AWS."""
    return [each.get("ContainerHostname", f"container-{number}") for number, each in enumerate(containers, 1)]


def mode(model: Mapping[str, Any]) -> str:
    """How its containers are asked: `single`, `multi-model` (one, for many models), `serial` (each gets what the one
    before answered) or `direct` (the one that the request names)."""
    own = containers(model)
    if len(own) > 1:
        return "direct" if model.get("InferenceExecutionConfig", {}).get("Mode") == "Direct" else "serial"
    return "multi-model" if own and own[0].get("Mode") == "MultiModel" else "single"


def model_data(container: Mapping[str, Any]) -> str | None:
    """Where a container's model lies in S3; None for those that bring theirs along."""
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    found = source.get("S3Uri") or container.get("ModelDataUrl")
    return None if found is None else str(found)
