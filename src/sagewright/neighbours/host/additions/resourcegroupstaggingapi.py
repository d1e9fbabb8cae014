"""What the neighbours hold that has tags. moto's own looks into all services that it knows, and imports them for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.core.resource_tagging import TaggableResourcesMixin

from sagewright.neighbours.host.additions import Place

Params = dict[str, Any]


def get_resources(place: Place, _: Params) -> Params:
    """All of them in this region, unfiltered: whoever asks joins them with others."""
    found = [
        {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        for module in place.modules()
        for arn, tags in _tagged(place, module)
        if tags
    ]
    return {"ResourceTagMappingList": found}


def _tagged(place: Place, module: str) -> Iterator[tuple[str, dict[str, str]]]:
    backend = place.backend(module)
    if module == "codecommit":
        for each in place.held(module).get("repositories", {}).values():
            yield each["metadata"]["Arn"], each["tags"]
    elif module == "servicecatalog":
        for each in place.held(module).get("portfolios", {}).values():
            yield each["detail"]["ARN"], each["tags"]
        for each in place.held(module).get("products", {}).values():
            yield each["detail"]["ProductARN"], each["tags"]
    elif module == "cognitoidp":
        for pool in backend.user_pools.values():
            yield pool.arn, pool.extended_config.get("UserPoolTags", {})
    elif isinstance(backend, TaggableResourcesMixin):
        for resource in backend.iter_tagged_resources():
            yield resource.arn, resource.tags
