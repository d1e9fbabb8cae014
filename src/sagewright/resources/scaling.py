"""Application Auto Scaling's nouns, and what it can scale: where each capacity is kept and how it is changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sagewright.resources import endpoint, inference_component
from sagewright.resources.record import Key, Record

TARGET: Final = "scalable-target"
"""A target's parent is its resource, its name the dimension."""
POLICY: Final = "scaling-policy"
ACTION: Final = "scheduled-action"
ACTIVITY: Final = "scaling-activity"
"""The parent of policies, actions and activities is `RESOURCE|DIMENSION`. Activities outlive their target."""
IDENTITY: Final = ("ServiceNamespace", "ResourceId", "ScalableDimension")
STEPS: Final = "StepScalingPolicyConfiguration"
TRACKING: Final = "TargetTrackingScalingPolicyConfiguration"
COOLDOWN: Final = 300
"""Seconds, for all that SageMaker can have scaled, where a policy says nothing."""

_POLICY_ARN: Final = re.compile(
    r"arn:[^:]+:autoscaling:[^:]+:[^:]+:scalingPolicy:[^:]+:resource/sagemaker/([^:]+):policyName/(.+)"
)


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much there is to be of something, and how much there is."""

    desired: int
    current: int
    least: int = 0
    """What it cannot go below, whatever is registered."""
    short: bool = False
    """Whether it waits for room that there may never be: it may be asked for less meanwhile."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One thing that can be scaled."""

    what: str
    """As activities call it: `Setting desired WHAT to 3.`"""
    kind: str
    """Of the record that has the capacity."""
    resource: re.Pattern[str]
    """What its resource ids look like; the groups are the record's name and, where it has such, the variant's. They are
    the values of `metric_dimensions`."""
    metric_dimensions: Sequence[str]
    """The dimensions of its metrics."""
    role: str
    """The service-linked role that scales it."""
    capacity: Callable[[Record, str], Capacity | None]
    """Of a record's variant. None where that has no such capacity."""
    scaled: Callable[[Record, str, int], Record]
    """The record with another capacity wanted. Raises InvalidTransition unless it is in service or short, ValueError
    with a sentence for a capacity that it cannot have."""


def _serving(record: Record) -> Mapping[str, Any]:
    """The configuration that an endpoint serves, also where an update was rolled back."""
    config: Mapping[str, Any] = record.status.get("current", record.spec).get("config", {})
    return config


def _configured(record: Record, variant: str) -> Mapping[str, Any]:
    """A variant as the endpoint's configuration has it; {} where there is none of that name."""
    variants: Sequence[Mapping[str, Any]] = _serving(record).get("ProductionVariants", ())
    return next((each for each in variants if each["VariantName"] == variant), {})


def _told(record: Record, variant: str) -> Mapping[str, Any]:
    """A variant as DescribeEndpoint has it."""
    variants: Sequence[Mapping[str, Any]] = record.status.get("ProductionVariants", ())
    return next((each for each in variants if each["VariantName"] == variant), {})


def _instances(record: Record, variant: str) -> Capacity | None:
    settings, told = _configured(record, variant), _told(record, variant)
    if not settings or "ServerlessConfig" in settings:
        return None
    # Nothing waits for an asynchronous endpoint to answer, and an endpoint without a model has components that do.
    empty = "AsyncInferenceConfig" in _serving(record) or "ModelName" not in settings
    desired = told.get("DesiredInstanceCount", settings.get("InitialInstanceCount", 1))
    return Capacity(desired, told.get("CurrentInstanceCount", 0), least=0 if empty else 1)


def _with_instances(record: Record, variant: str, count: int) -> Record:
    return endpoint.resized(record, {variant: {"DesiredInstanceCount": count}})


def _concurrency(record: Record, variant: str) -> Capacity | None:
    settings = _configured(record, variant).get("ServerlessConfig", {})
    if "ProvisionedConcurrency" not in settings:
        return None
    told = _told(record, variant)
    desired = {**settings, **told.get("DesiredServerlessConfig", {})}["ProvisionedConcurrency"]
    return Capacity(desired, told.get("CurrentServerlessConfig", {}).get("ProvisionedConcurrency", 0), least=1)


def _with_concurrency(record: Record, variant: str, count: int) -> Record:
    settings = {**_configured(record, variant)["ServerlessConfig"], "ProvisionedConcurrency": count}
    return endpoint.resized(record, {variant: {"DesiredServerlessConfig": settings}})


def _copies(record: Record, _: str) -> Capacity | None:
    told = record.status.get("RuntimeConfig", {})
    wanted = told.get("DesiredCopyCount", record.spec.get("RuntimeConfig", {}).get("CopyCount"))
    if wanted is None:
        return None
    return Capacity(wanted, told.get("CurrentCopyCount", 0), short=bool(record.status.get("short")))


def _with_copies(record: Record, _: str, count: int) -> Record:
    return inference_component.resized(record, count)


_VARIANT: Final = re.compile(r"endpoint/([A-Za-z0-9-]{1,63})/variant/([A-Za-z0-9-]{1,63})")
_COMPONENT: Final = re.compile(r"inference-component/([A-Za-z0-9-]{1,63})")
_ENDPOINT_ROLE: Final = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
_COMPONENT_ROLE: Final = "AWSServiceRoleForApplicationAutoScaling_SageMakerInferenceComponent"
_OF_VARIANT: Final = ("EndpointName", "VariantName")

DIMENSIONS: Final[Mapping[str, Dimension]] = {
    # Add a scalable dimension here.
    "sagemaker:variant:DesiredInstanceCount": Dimension(
        "instance count", endpoint.KIND, _VARIANT, _OF_VARIANT, _ENDPOINT_ROLE, _instances, _with_instances
    ),
    "sagemaker:variant:DesiredProvisionedConcurrency": Dimension(
        "provisioned concurrency", endpoint.KIND, _VARIANT, _OF_VARIANT, _ENDPOINT_ROLE, _concurrency, _with_concurrency
    ),
    "sagemaker:inference-component:DesiredCopyCount": Dimension(
        "copy count", inference_component.KIND, _COMPONENT, ("InferenceComponentName",), _COMPONENT_ROLE, _copies,
        _with_copies,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """What a resource id and a dimension mean together."""

    dimension: Dimension
    key: Key
    """Of the record that has the capacity."""
    variant: str
    """Of an endpoint; else the record's name."""

    def capacity(self, record: Record) -> Capacity | None:
        return self.dimension.capacity(record, self.variant)

    def scaled(self, record: Record, count: int) -> Record:
        return self.dimension.scaled(record, self.variant, count)


def place(target: Key) -> Place | None:
    """Where the capacity of a target is; None for a key that names none."""
    dimension = DIMENSIONS.get(target.name)
    found = dimension.resource.fullmatch(target.parent) if dimension else None
    if dimension is None or found is None:
        return None
    return Place(dimension, Key(target.account, target.region, dimension.kind, "", found[1]), found.groups()[-1])


def targets_of(host: Key, variant: str) -> Iterator[Key]:
    """What may be registered of an endpoint's variant."""
    for name, dimension in DIMENSIONS.items():
        if dimension.kind == host.kind == endpoint.KIND:
            yield Key(host.account, host.region, TARGET, f"endpoint/{host.name}/variant/{variant}", name)


def belongings(target: Key) -> str:
    """The parent of a target's policies, scheduled actions and activities."""
    return f"{target.parent}|{target.name}"


def target_of(belonging: Key) -> Key:
    """The target of a policy, a scheduled action or an activity."""
    resource, _, dimension = belonging.parent.partition("|")
    return Key(belonging.account, belonging.region, TARGET, resource, dimension)


def identity(target: Key) -> dict[str, str]:
    """The members that name a target."""
    return dict(zip(IDENTITY, ("sagemaker", target.parent, target.name), strict=True))


def is_policy(arn: str) -> bool:
    """Whether an ARN is of a policy that scales something of SageMaker's."""
    return _POLICY_ARN.fullmatch(arn) is not None


def policies_named(account: str, region: str, arn: str) -> Iterator[Key]:
    """The policies that an ARN may be of: it does not say the dimension."""
    found = _POLICY_ARN.fullmatch(arn)
    if found is not None:
        for name, dimension in DIMENSIONS.items():
            if dimension.resource.fullmatch(found[1]):
                yield Key(account, region, POLICY, f"{found[1]}|{name}", found[2])


def bounded(target: Record, bounds: Mapping[str, Any], now: float) -> Record:
    """A target with other bounds, as who registers it or schedules them wants. Raises ValueError, as a sentence."""
    spec = {**target.spec, **bounds}
    if spec["MinCapacity"] < 0:
        raise ValueError("Minimum capacity must not be below 0.")
    if spec["MinCapacity"] > spec["MaxCapacity"]:
        raise ValueError("Maximum capacity cannot be less than minimum capacity")
    return replace(target, spec=spec, modified=now)
