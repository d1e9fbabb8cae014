"""The routing table of an endpoint: all that whoever sends requests on needs to know of what serves them.

Controllers write it into `status["serving"]`, the data plane reads it, and it stands for itself:

    [{"generation": 2, "share": 1.0, "variants": [VARIANT, …]}, …]

Each generation takes its share of the requests (they add up to 1), each variant its weight among those of its
generation. A variant is

    {"name": "v", "weight": 1.0, "shadow": False, "mode": "single", "containers": ["model"], "members": [MEMBER, …]}

with its `serverless` configuration if it has one, `models` (where they come from) where its mode is multi-model,
`metrics_every` (seconds) where the endpoint has enhanced metrics, `capture` (`data_capture.py`) where requests are
captured, and `routing`, the strategy of its RoutingConfig, where it has one. A variant that inference components are
placed on has the mode `components` and no members: each component has a table of its own. A member is an instance:

    {"task": its id, "sockets": [one for each container], "log_stream": "v/i-…"}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sagewright.resources import data_capture, endpoint_metrics
from sagewright.resources.model import containers, hostnames, mode

COMPONENTS: Final = "components"
LEAST_OUTSTANDING: Final = "LEAST_OUTSTANDING_REQUESTS"
RANDOM: Final = "RANDOM"

Member = Mapping[str, Any]
Serving = Sequence[Mapping[str, Any]]


def generation(number: int, variants: Sequence[Mapping[str, Any]], *, share: float = 1.0) -> dict[str, Any]:
    """An entry of the table."""
    return {"generation": number, "share": share, "variants": list(variants)}


def variant(
    settings: Mapping[str, Any], model: Mapping[str, Any], members: Sequence[Member], *, shadow: bool = False
) -> dict[str, Any]:
    """A production variant as its configuration describes it, served by `members`."""
    own = containers(model)
    entry = {
        "name": settings["VariantName"],
        "weight": settings.get("InitialVariantWeight", 1.0),
        "shadow": shadow,
        "mode": mode(model),
        "containers": hostnames(own),
        "members": list(members),
        **_routed(settings),
        **({"models": _models(own[0], model["ExecutionRoleArn"])} if mode(model) == "multi-model" else {}),
    }
    if "ServerlessConfig" in settings:
        entry["serverless"] = settings["ServerlessConfig"]
    return entry


def _models(container: Mapping[str, Any], role: str) -> Mapping[str, Any]:
    """Where the models of a multi-model container come from: their prefix in S3, who reads them, whether they stay."""
    cached = container.get("MultiModelConfig", {}).get("ModelCacheSetting") != "Disabled"
    return {"prefix": container["ModelDataUrl"], "role": role, "cached": cached}


def host(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A production variant that inference components are placed on."""
    return {
        "name": settings["VariantName"],
        "weight": settings.get("InitialVariantWeight", 1.0),
        "shadow": False,
        "mode": COMPONENTS,
        "containers": [],
        "members": [],
    }


def _routed(settings: Mapping[str, Any]) -> dict[str, Any]:
    strategy = settings.get("RoutingConfig", {}).get("RoutingStrategy")
    return {} if strategy is None else {"routing": strategy}


def observed(config: Mapping[str, Any], role: str) -> Mapping[str, Any]:
    """What a variant's entry says beside, by its endpoint's configuration and the role that its model works as."""
    capture = data_capture.settings(config, role)
    return {
        **({"metrics_every": endpoint_metrics.period(config)} if endpoint_metrics.enhanced(config) else {}),
        **({} if capture is None else {"capture": capture}),
    }


def all_members(serving: Serving) -> Iterator[Member]:
    """The members of all variants of all generations."""
    return (member for entry in serving for each in entry["variants"] for member in each["members"])


def members_of(serving: Serving, generation: int, name: str) -> Sequence[Member]:
    """Who serves a variant of a generation."""
    return [
        member
        for entry in serving
        if entry["generation"] == generation
        for each in entry["variants"]
        if each["name"] == name
        for member in each["members"]
    ]


def instance_id(log_stream: str) -> str:
    """What the instance that writes to this log stream is called."""
    return log_stream.split("/")[1]


def without(serving: Serving, task: str) -> Serving:
    """The table when an instance no longer serves."""

    def left(each: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**each, "members": [member for member in each["members"] if member["task"] != task]}

    return [{**entry, "variants": [left(each) for each in entry["variants"]]} for entry in serving]
