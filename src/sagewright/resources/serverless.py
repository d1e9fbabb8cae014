"""Serverless variants: what may be asked of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sagewright.resources.model import mode

_STEP: Final = 1024
"""MemorySizeInMB comes in whole gigabytes."""

_WITHOUT: Final[Mapping[str, str]] = {
    "AcceleratorType": "accelerators",
    "CoreDumpConfig": "core dumps",
    "ManagedInstanceScaling": "managed instance scaling",
    "RoutingConfig": "routing strategies",
}
"""Members of a variant that are about instances, and what they ask for."""


def check(variant: Mapping[str, Any], update: Mapping[str, Any] = {}) -> None:
    """Whether a production variant, and what an update wants of it, make sense. Raises ValueError with a sentence."""
    name, serverless = variant["VariantName"], variant.get("ServerlessConfig")
    if serverless is None:
        return
    if "MemorySizeInMB" not in serverless:
        raise ValueError(f"Variant {name} is not serverless: leave ServerlessUpdateConfig out.")
    if update.get("DesiredInstanceCount") is not None:
        raise ValueError(f"Variant {name} is serverless and has no instance count: use ServerlessUpdateConfig.")
    if serverless["MemorySizeInMB"] % _STEP:
        raise ValueError(f"MemorySizeInMB of variant {name} must be 1024, 2048, 3072, 4096, 5120 or 6144.")
    provisioned, most = serverless.get("ProvisionedConcurrency", 0), serverless["MaxConcurrency"]
    if provisioned > most:
        raise ValueError(
            f"ProvisionedConcurrency of variant {name} ({provisioned}) must not be more than its "
            f"MaxConcurrency ({most})."
        )


def updated(
    wanted: Mapping[str, Mapping[str, Any]], variants: Sequence[Mapping[str, Any]]
) -> Mapping[str, Mapping[str, Any]]:
    """What is wanted of variants, by name, with each ServerlessUpdateConfig made a whole DesiredServerlessConfig."""
    known = {variant["VariantName"]: variant.get("ServerlessConfig", {}) for variant in variants}
    return {
        name: {**each, "DesiredServerlessConfig": {**known.get(name, {}), **each["ServerlessUpdateConfig"]}}
        if "ServerlessUpdateConfig" in each
        else each
        for name, each in wanted.items()
    }


def check_config(config: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]) -> None:
    """Whether a configuration's serverless variants can be had together with the rest of it. Raises ValueError."""
    variants = config["ProductionVariants"]
    serverless = [variant for variant in variants if "ServerlessConfig" in variant]
    for variant in serverless:
        check(variant)
        named = [what for member, what in _WITHOUT.items() if member in variant]
        if "InstanceType" in variant or "InitialInstanceCount" in variant:
            named.append("an InstanceType or InitialInstanceCount")
        named += _beyond(config, models.get(variant.get("ModelName", ""), {}))
        if len(variants) > 1:
            named.append("several production variants")
        if named:
            raise ValueError(f"Serverless endpoints do not support {' and '.join(named)}. Nothing was created.")


def _beyond(config: Mapping[str, Any], model: Mapping[str, Any]) -> list[str]:
    """What of the rest of a configuration, and of a model, AWS does not do for serverless endpoints."""
    asked = {
        "asynchronous inference": "AsyncInferenceConfig" in config,
        "data capture": config.get("DataCaptureConfig", {}).get("EnableCapture", False),
        "explanations": "ExplainerConfig" in config,
        "shadow variants": bool(config.get("ShadowProductionVariants")),
        "a VpcConfig": "VpcConfig" in config or "VpcConfig" in model,
        "network isolation": config.get("EnableNetworkIsolation") or model.get("EnableNetworkIsolation"),
        "multi-model containers": mode(model) == "multi-model",
        "inference pipelines": mode(model) in ("serial", "direct"),
    }
    return [what for what, is_asked in asked.items() if is_asked]
