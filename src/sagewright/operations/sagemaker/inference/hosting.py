"""Variants without a model, whose instances inference components are placed on: what their configurations may say, and
what keeps an endpoint from losing them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import refuse_while
from sagewright.operations.sagemaker.roles import check_role
from sagewright.resources import inference_component
from sagewright.resources.endpoint import hosts_components
from sagewright.resources.record import Record
from sagewright.resources.routing import LEAST_OUTSTANDING, RANDOM
from sagewright.store.base import Query


def check(call: Call, config: Params) -> None:
    """Raises a ValidationException for what cannot be about a configuration's instances and how requests get there."""
    for reason in _mistakes(config):
        raise validation_error(reason)
    if any(hosts_components(variant) for variant in config["ProductionVariants"]):
        check_role(call, config["ExecutionRoleArn"])


def _mistakes(config: Params) -> Iterator[str]:
    variants = config["ProductionVariants"]
    hosting = [variant for variant in variants if hosts_components(variant)]
    for variant in variants:
        strategy = variant.get("RoutingConfig", {}).get("RoutingStrategy", RANDOM)
        if strategy not in (RANDOM, LEAST_OUTSTANDING):
            yield f"Sagewright does not do the RoutingStrategy {strategy} yet. Use {LEAST_OUTSTANDING} or {RANDOM}."
        yield from _scaling_mistakes(variant)
    if not hosting:
        return
    if len(hosting) < len(variants):
        yield "Either all production variants name a model, or none does: its models are inference components then."
    if "ExecutionRoleArn" not in config:
        yield "ExecutionRoleArn is required where variants name no model: inference components work under that role."
    for member in ("AsyncInferenceConfig", "ShadowProductionVariants"):
        if config.get(member):
            yield f"{member} does not go with inference components. Name a model in the production variants."
    for variant in hosting:
        for member in ("ServerlessConfig", "AcceleratorPartitionLayouts"):
            if member in variant:
                yield f"{member} does not go with a production variant that names no model."


def _scaling_mistakes(variant: Params) -> Iterator[str]:
    scaling = variant.get("ManagedInstanceScaling", {})
    if scaling.get("Status") != "ENABLED":
        return
    if not hosts_components(variant):
        yield (
            "ManagedInstanceScaling is for variants of inference components, which name no model. Scale this one with "
            "Application Auto Scaling."
        )
    strategy = scaling.get("ScaleInPolicy", {}).get("Strategy", "IDLE_RELEASE")
    if strategy != "IDLE_RELEASE":
        yield f"Sagewright does not do the scale-in strategy {strategy} yet. Use IDLE_RELEASE."
    initial, least = variant.get("InitialInstanceCount", 1), scaling.get("MinInstanceCount", 1)
    most = scaling.get("MaxInstanceCount", max(initial, least))
    if not least <= most:
        yield f"MinInstanceCount must not be greater than MaxInstanceCount, but {least} is greater than {most}."
    if initial > most:
        yield f"InitialInstanceCount must not be greater than MaxInstanceCount, but {initial} is greater than {most}."


def refuse_while_hosting(call: Call, endpoint: Record) -> None:
    """Raises a ValidationException while inference components are on the endpoint."""
    refusal = validation_error(
        f'Cannot delete endpoint "{endpoint.status["EndpointArn"]}" while it hosts inference components. Delete them '
        "first: ListInferenceComponents with EndpointNameEquals has their names."
    )
    refuse_while(call, refusal, inference_component.KIND, facets={"EndpointName": endpoint.name})


def refuse_without(call: Call, endpoint: str, config: Mapping[str, Any]) -> None:
    """Raises a ValidationException when the configuration lacks a variant that inference components are on."""
    kept = {variant["VariantName"] for variant in config["ProductionVariants"] if hosts_components(variant)}
    query = Query(call.account, call.region, inference_component.KIND, facets={"EndpointName": endpoint})
    for component in call.store.every(query):
        if (variant := component.spec["VariantName"]) not in kept:
            raise validation_error(
                f"The inference component {component.name} is on the variant {variant}, which the new configuration "
                "lacks. Keep the variant, without a model, or delete the component first."
            )
