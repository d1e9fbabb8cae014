"""What lineage says of an endpoint: its context, and an action for each deployment, which models and images go into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sagewright.resources import lineage
from sagewright.resources.endpoint import hosts_components
from sagewright.resources.model import containers, model_data
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store, Write


def deployed(store: Store, endpoint: Record, target: Mapping[str, Any], now: float) -> Sequence[Write]:
    """The writes that tell of a generation that serves. What is there already is left as it is."""
    place, source = endpoint.key, {"SourceUri": endpoint.status["EndpointArn"], "SourceType": "ARN"}
    context = lineage.named(place, lineage.CONTEXT, f"{endpoint.name}-aws-endpoint", "Endpoint", source, {}, now=now)
    name = f"{endpoint.name}-{endpoint.uid}-{target['generation']}-aws-model-deployment"
    action = lineage.named(place, lineage.ACTION, name, "ModelDeployment", source, {"Status": "Completed"}, now=now)
    edge = lineage.association(action, context, "AssociatedWith", types=("ModelDeployment", "Endpoint"), now=now)
    found: dict[Key, Record] = {record.key: record for record in (context, action, edge)}
    for uri, kind in _parts(target):
        artifact = lineage.artifact(place, uri, kind, now=now)
        into = lineage.association(artifact, action, "ContributedTo", types=(kind, "ModelDeployment"), now=now)
        found |= {artifact.key: artifact, into.key: into}
    return [("create", record) for record in found.values() if store.get(record.key) is None]


def _parts(target: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """Address and lineage type of what the variants are made of."""
    found = []
    for variant in target["config"]["ProductionVariants"]:
        if hosts_components(variant):
            continue
        for container in containers(target["models"][variant["ModelName"]]):
            found += [(model_data(container), "Model"), (container.get("Image"), "Image")]
    return [(uri, kind) for uri, kind in dict.fromkeys(found) if uri]
