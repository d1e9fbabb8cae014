"""The life of an endpoint, and the ways to change it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.resources import serverless
from sagewright.resources.lifecycle import Lifecycle
from sagewright.resources.record import Record

KIND: Final = "endpoint"
LOG_GROUP: Final = "/aws/sagemaker/Endpoints/"
VARIANTS: Final = ("ProductionVariants", "ShadowProductionVariants")
"""The members of a configuration, and of an endpoint's description, that list its variants."""

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


def updated(
    record: Record, frozen: Mapping[str, Any], config_name: str, deployment: Mapping[str, Any] | None = None
) -> Record:
    """The endpoint with another configuration wanted of it; `frozen` has the configuration and its models.

    Raises InvalidTransition unless it is in service, or has failed.
    """
    generation = max(record.spec["generation"], record.status.get("abandoned", 0)) + 1
    spec = {**record.spec, **frozen, "EndpointConfigName": config_name, "generation": generation}
    spec.pop("DeploymentConfig", None)
    if deployment is not None:
        spec["DeploymentConfig"] = deployment
    return replace(record, spec=spec, state=LIFE.after(record.state, "update"))


def variants(config: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """All of a configuration, or of a description: those in production, then the shadows."""
    return [variant for member in VARIANTS for variant in config.get(member, ())]


def counts(config: Mapping[str, Any]) -> Mapping[str, int]:
    """Instances by production variant, as a configuration wants them."""
    return {each["VariantName"]: each.get("InitialInstanceCount", 1) for each in config["ProductionVariants"]}


_SETTINGS: Final[Mapping[str, str]] = {
    "DesiredInstanceCount": "InitialInstanceCount",
    "DesiredWeight": "InitialVariantWeight",
    "DesiredServerlessConfig": "ServerlessConfig",
}
"""What may be wanted of a variant, and the member of its configuration that says so."""


def hosts_components(variant: Mapping[str, Any]) -> bool:
    """Whether inference components are placed on the instances of a variant: it has no model of its own."""
    return "ModelName" not in variant


def resized(record: Record, wanted: Mapping[str, Mapping[str, Any]]) -> Record:
    """The endpoint with other instance counts and weights of variants, by name, on top of what serves now.

    Raises InvalidTransition unless it is in service, LookupError naming the variants that it does not have, ValueError
    with a sentence for what a variant cannot have.
    """
    state = LIFE.after(record.state, "update")
    serves = _what_serves(record)
    unknown = set(wanted) - {variant["VariantName"] for variant in variants(serves["config"])}
    if unknown:
        raise LookupError(", ".join(sorted(unknown)))
    wanted = serverless.updated(wanted, variants(serves["config"]))
    config = with_settings(serves["config"], wanted)
    for variant in variants(config):
        serverless.check(variant, wanted.get(variant["VariantName"], {}))
    return replace(record, spec={**record.spec, **serves, "config": config}, state=state)


def with_settings(
    config: Mapping[str, Any], wanted: Mapping[str, Mapping[str, Any]], but: Collection[str] = ()
) -> Mapping[str, Any]:
    """A configuration with what is wanted of its variants now; `but` names what is left as it is."""

    def changed(variant: Mapping[str, Any]) -> Mapping[str, Any]:
        now = wanted.get(variant["VariantName"], {})
        told = {m: now[name] for name, m in _SETTINGS.items() if name not in but and now.get(name) is not None}
        return {**variant, **told}

    return {**config, **{member: [changed(each) for each in config[member]] for member in VARIANTS if member in config}}


def _what_serves(record: Record) -> Mapping[str, Any]:
    """The generation that serves: the one before the spec's, where that was rolled back."""
    current: Mapping[str, Any] = record.status.get("current", {})
    rolled_back = record.status.get("abandoned") == record.spec["generation"]
    return {"config": record.spec["config"], **(current if rolled_back else {})}
