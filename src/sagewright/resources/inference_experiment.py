"""The life of an inference experiment, and which endpoint configurations it asks for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sagewright.resources.lifecycle import Lifecycle
from sagewright.resources.record import Record

KIND: Final = "inference-experiment"
DEFAULT_DURATION: Final = 7 * 86_400.0
LONGEST: Final = 30 * 86_400.0
"""Seconds."""
OVER: Final = ("Completed", "Cancelled")

LIFE: Final = Lifecycle(
    noun="InferenceExperiment",
    transitions={
        ("Creating", "created"): "Created",
        ("Creating", "start"): "Starting",
        ("Created", "start"): "Starting",
        ("Starting", "run"): "Running",
        ("Running", "update"): "Updating",
        ("Updating", "run"): "Running",
        ("Creating", "stop"): "Stopping",
        ("Created", "stop"): "Stopping",
        ("Running", "stop"): "Stopping",
        ("Updating", "abort"): "Stopping",  # the update failed: what runs is not what was asked for
        ("Stopping", "complete"): "Completed",
        **{
            (state, "cancel"): "Cancelled"
            for state in ("Creating", "Created", "Starting", "Running", "Updating", "Stopping")
        },
    },
    settled=OVER,
)

Variant = Mapping[str, Any]
Config = Mapping[str, Any]
_FROM_THE_ENDPOINT: Final = ("EndpointConfigName", "ProductionVariants", "ShadowProductionVariants", "Tags")
"""What of the endpoint's own configuration is replaced; the rest is kept."""


def source(spec: Mapping[str, Any]) -> str:
    """The name of the production variant."""
    name: str = spec["ShadowModeConfig"]["SourceModelVariantName"]
    return name


def shadow(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Name and sampling percentage of the shadow variant."""
    found: Mapping[str, Any] = spec["ShadowModeConfig"]["ShadowModelVariants"][0]
    return found


def actions(spec: Mapping[str, Any]) -> Mapping[str, str]:
    """What becomes of each variant in the end: as StopInferenceExperiment says, else production stays alone."""
    asked: Mapping[str, str] = spec.get("stop", {}).get("ModelVariantActions", {})
    return {source(spec): "Retain", shadow(spec)["ShadowModelVariantName"]: "Remove", **asked}


def problem(spec: Mapping[str, Any]) -> str | None:
    """What is wrong with the variants of an experiment, or with what is to become of them; None: nothing."""
    names = [each["VariantName"] for each in spec["ModelVariants"]]
    of_shadow = shadow(spec)["ShadowModelVariantName"]
    if sorted(names) != sorted({source(spec), of_shadow}):
        return "ModelVariants must be the production variant and the shadow variant that ShadowModeConfig names."
    end = actions(spec)
    if set(end) - set(names):
        return f"ModelVariantActions may name {' and '.join(sorted(names))} only."
    if end[source(spec)] == "Promote":
        return f"{source(spec)} is in production already: it can be retained or removed."
    if end[source(spec)] == "Remove" and end[of_shadow] != "Promote":
        return "Something must stay in production: retain the production variant, or promote the shadow."
    desired = {each["VariantName"] for each in spec.get("stop", {}).get("DesiredModelVariants", ())}
    gone = {name for name in names if end[name] == "Remove"}
    if desired - (set(names) - gone):
        return "DesiredModelVariants may name variants that are retained or promoted only."
    return None


def models(spec: Mapping[str, Any]) -> set[str]:
    """The models that an experiment may have to serve."""
    return {
        each["ModelName"] for each in (*spec["ModelVariants"], *spec.get("stop", {}).get("DesiredModelVariants", ()))
    }


def running(spec: Mapping[str, Any], name: str, before: Config) -> Config:
    """The endpoint configuration while it runs; `before` is the endpoint's own."""
    variants = {each["VariantName"]: each for each in spec["ModelVariants"]}
    sample = shadow(spec)
    config = {
        **_kept(before),
        "EndpointConfigName": name,
        "ProductionVariants": [_variant(variants[source(spec)], before)],
        "ShadowProductionVariants": [
            _variant(variants[sample["ShadowModelVariantName"]], before, sample["SamplingPercentage"] / 100)
        ],
    }
    if "KmsKey" in spec:
        config["KmsKeyId"] = spec["KmsKey"]
    storage = spec.get("DataStorageConfig")
    return config if storage is None else {**config, "DataCaptureConfig": _capture(storage)}


def ended(spec: Mapping[str, Any], name: str, before: Config) -> Config:
    """The endpoint configuration when it is over; `before` is the endpoint's, before the experiment began."""
    desired = {each["VariantName"]: each for each in spec.get("stop", {}).get("DesiredModelVariants", ())}
    end, sample = actions(spec), shadow(spec)
    production: list[Variant] = []
    shadows: list[Variant] = []
    for each in spec["ModelVariants"]:
        variant = desired.get(each["VariantName"], each)
        action = end[variant["VariantName"]]
        if action == "Promote" or (action == "Retain" and variant["VariantName"] == source(spec)):
            production.append(_variant(variant, before))
        elif action == "Retain":
            shadows.append(_variant(variant, before, sample["SamplingPercentage"] / 100))
    return {
        **_kept(before),
        "EndpointConfigName": name,
        "ProductionVariants": production,
        **({"ShadowProductionVariants": shadows} if shadows else {}),
    }


def statuses(record: Record) -> Sequence[Mapping[str, Any]]:
    """ModelVariants as DescribeInferenceExperiment gives them."""
    return [{**each, "Status": _status(record, each["VariantName"])} for each in record.spec["ModelVariants"]]


def _status(record: Record, name: str) -> str:
    deployed, removed = "before" in record.status, actions(record.spec)[name] == "Remove"
    if record.state in ("Creating", "Created", "Starting"):
        return "InService" if name == source(record.spec) else "Creating"
    if record.state in OVER:
        return "Deleted" if removed or not (deployed or name == source(record.spec)) else "InService"
    if record.state == "Stopping":
        return "Deleting" if removed else "Updating"
    return "Updating" if record.state == "Updating" else "InService"


def _kept(before: Config) -> dict[str, Any]:
    return {member: value for member, value in before.items() if member not in _FROM_THE_ENDPOINT}


def _variant(variant: Variant, before: Config, weight: float = 1.0) -> Variant:
    """A production variant of this model and size, with what the endpoint's own of the same name has set beside."""
    name, place = variant["VariantName"], variant["InfrastructureConfig"]["RealTimeInferenceConfig"]
    own: Variant = next((each for each in before["ProductionVariants"] if each["VariantName"] == name), {})
    return {
        **own,
        "VariantName": name,
        "ModelName": variant["ModelName"],
        "InstanceType": place["InstanceType"],
        "InitialInstanceCount": place["InstanceCount"],
        "InitialVariantWeight": weight,
    }


def _capture(storage: Mapping[str, Any]) -> Mapping[str, Any]:
    """Data capture of all requests, as an experiment's DataStorageConfig asks for it."""
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": storage["Destination"],
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        **({"KmsKeyId": storage["KmsKey"]} if "KmsKey" in storage else {}),
        **({"CaptureContentTypeHeader": storage["ContentType"]} if "ContentType" in storage else {}),
    }
