"""One generation of an endpoint, a configuration with its models: what it needs, how it is routed to and described."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from sagewright.controllers import hosting
from sagewright.controllers.fleet import Wanted
from sagewright.resources import data_capture, routing
from sagewright.resources.deployment import Counts
from sagewright.resources.endpoint import VARIANTS, counts, hosts_components, variants
from sagewright.resources.model import containers

Members = Mapping[str, Sequence[routing.Member]]
"""Who serves, by variant. Of those that inference components are placed on: their instances (`hosting.Host`)."""
StatusOf = Callable[[str], Mapping[str, Any] | None]
"""From a variant's name to an element of its VariantStatus."""

_TOLD: Final = ("RoutingConfig", "ManagedInstanceScaling", "InstanceType")
"""What of a variant's configuration is told as it is."""
_DESCRIBED: Final = (*VARIANTS, "AsyncInferenceConfig", "DataCaptureConfig")


@dataclass(frozen=True, slots=True)
class Generation:
    """`target` has generation, config, models (by name) and EndpointConfigName."""

    target: Mapping[str, Any]

    @property
    def number(self) -> int:
        return int(self.target["generation"])

    @property
    def counts(self) -> Counts:
        """Of its production variants."""
        return counts(self.target["config"])

    def wanted(self, only: Counts | None = None) -> Sequence[Wanted]:
        """What it needs: all of it, or `only` these instances in production and as large a part of the shadows."""
        whole = self.counts
        now = whole if only is None else only
        part = sum(now.values()) / (sum(whole.values()) or 1) if only is not None else 1.0
        found = []
        for index, variant in enumerate(variants(self.target["config"])):
            name = variant["VariantName"]
            if hosts_components(variant):
                continue
            number = now.get(name, 0) if name in whole else ceil(variant.get("InitialInstanceCount", 1) * part)
            model = self.target["models"][variant["ModelName"]]
            found.append(Wanted(self.number, index, name, number, model, variant))
        return found

    def entry(self, members: Members, *, share: float = 1.0) -> Mapping[str, Any]:
        """Its entry in the routing table."""
        found = []
        for variant in variants(self.target["config"]):
            if hosts_components(variant):
                found.append(routing.host(variant))
                continue
            name, model = variant["VariantName"], self.target["models"][variant["ModelName"]]
            table = routing.variant(variant, model, members.get(name, ()), shadow=name not in self.counts)
            found.append({**table, **routing.observed(self.target["config"], model["ExecutionRoleArn"])})
        return routing.generation(self.number, found, share=share)

    def described(
        self,
        members: Members,
        since: float,
        *,
        status: StatusOf = lambda _name: None,
        weights: Mapping[str, float] | None = None,
    ) -> dict[str, Any]:
        """What DescribeEndpoint tells of it: variants, asynchronous inference, data capture.

        `weights` are those of now, where they differ.
        """
        config = self.target["config"]
        found: dict[str, Any] = {
            member: [self._described(each, members, since, status, weights or {}) for each in config[member]]
            for member in VARIANTS
            if config.get(member)
        }
        if "AsyncInferenceConfig" in config:
            found["AsyncInferenceConfig"] = config["AsyncInferenceConfig"]
        captured = data_capture.summary(config)
        return found if captured is None else {**found, "DataCaptureConfig": captured}

    def _described(
        self,
        variant: Mapping[str, Any],
        members: Members,
        since: float,
        status: StatusOf,
        weights: Mapping[str, float],
    ) -> Mapping[str, Any]:
        name, weight = variant["VariantName"], variant.get("InitialVariantWeight", 1.0)
        told = status(name)
        return {
            "VariantName": name,
            **({} if hosts_components(variant) else {"DeployedImages": self._images(variant["ModelName"], since)}),
            "CurrentWeight": weights.get(name, weight),
            "DesiredWeight": weight,
            **_capacity(variant, members.get(name, ())),
            **({"VariantStatus": [told]} if told is not None else {}),
            **{member: variant[member] for member in _TOLD if member in variant},
        }

    def _images(self, model: str, since: float) -> Sequence[Mapping[str, Any]]:
        return [
            {"SpecifiedImage": each["Image"], "ResolvedImage": each["Image"], "ResolutionTime": since}
            for each in containers(self.target["models"][model])
        ]


def _capacity(variant: Mapping[str, Any], members: Sequence[routing.Member]) -> Mapping[str, Any]:
    """How much of it there is. A serverless variant shows no instances, as on AWS."""
    if (serverless := variant.get("ServerlessConfig")) is not None:
        return {"CurrentServerlessConfig": serverless, "DesiredServerlessConfig": serverless}
    desired = len(members) if hosting.is_managed(variant) else variant.get("InitialInstanceCount", 1)
    return {"CurrentInstanceCount": len(members), "DesiredInstanceCount": desired}


def without_described(status: Mapping[str, Any]) -> dict[str, Any]:
    """A status without what `described` says."""
    return {member: value for member, value in status.items() if member not in _DESCRIBED}
