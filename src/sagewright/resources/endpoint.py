"""The life of an endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sagewright.resources.lifecycle import Lifecycle
from sagewright.resources.record import Record

KIND: Final = "endpoint"
LOG_GROUP: Final = "/aws/sagemaker/Endpoints/"

LIFE: Final = Lifecycle(
    noun="Endpoint",
    transitions={
        ("Creating", "serve"): "InService",
        ("Creating", "fail"): "Failed",
        ("InService", "update"): "Updating",
        ("InService", "serve"): "InService",
        ("Updating", "serve"): "InService",
        ("Updating", "fail"): "RollingBack",
        ("Updating", "abandon"): "Failed",  # there is nothing to roll back to
        ("RollingBack", "serve"): "InService",
        ("Failed", "update"): "Updating",
        **{
            (state, "delete"): "Deleting"
            for state in (
                "Creating",
                "InService",
                "Updating",
                "RollingBack",
                "Failed",
                "OutOfService",
                "Deleting",
            )
        },
    },
    # An endpoint is never done: instances die and are replaced. Only a failed one is left alone.
    settled=("Failed",),
)


_SETTINGS: Final[Mapping[str, str]] = {
    "DesiredInstanceCount": "InitialInstanceCount",
    "DesiredWeight": "InitialVariantWeight",
}
"""What may be wanted of a variant, and the member of its configuration that says so."""


def hosts_components(variant: Mapping[str, Any]) -> bool:
    """Whether inference components are placed on the instances of a variant: it has no model of its own."""
    return "ModelName" not in variant


def resized(record: Record, wanted: Mapping[str, Mapping[str, Any]]) -> Record:
    """The endpoint with other instance counts and weights of variants, by name, on top of what serves now.

    Raises InvalidTransition unless it is in service, LookupError naming the variants that it does not have.
    """
    state = LIFE.after(record.state, "update")
    serves = _what_serves(record)
    variants = serves["config"]["ProductionVariants"]
    unknown = set(wanted) - {variant["VariantName"] for variant in variants}
    if unknown:
        raise LookupError(", ".join(sorted(unknown)))
    changed = [with_settings(variant, wanted.get(variant["VariantName"], {})) for variant in variants]
    config = {**serves["config"], "ProductionVariants": changed}
    return replace(record, spec={**record.spec, **serves, "config": config}, state=state)


def with_settings(variant: Mapping[str, Any], wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """A variant of a configuration, with what is wanted of it now."""
    told = {member: wanted[name] for name, member in _SETTINGS.items() if wanted.get(name) is not None}
    return {**variant, **told}


def _what_serves(record: Record) -> Mapping[str, Any]:
    """The generation that serves: the one before the spec's, where that was rolled back."""
    current: Mapping[str, Any] = record.status.get("current", {})
    rolled_back = record.status.get("abandoned") == record.spec["generation"]
    return {"config": record.spec["config"], **(current if rolled_back else {})}
