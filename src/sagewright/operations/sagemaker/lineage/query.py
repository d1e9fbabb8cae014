"""QueryLineage: what led to an entity, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import nouns
from sagewright.operations.sagemaker.lineage import association
from sagewright.operations.sagemaker.listing import sliced
from sagewright.operations.table import Operations
from sagewright.resources.record import Record
from sagewright.store.base import Query

operations = Operations()

_KINDS: Final = {
    "artifact": "Artifact",
    "action": "Action",
    "context": "Context",
    "experiment-trial-component": "TrialComponent",
}
_ARNS: Final = {
    "artifact": "ArtifactArn",
    "action": "ActionArn",
    "context": "ContextArn",
    "experiment": "ExperimentArn",
    "experiment-trial-component": "TrialComponentArn",
}
_DEPTH: Final = 10
_RESULTS: Final = 50


@dataclass(slots=True)
class _Graph:
    """What a walk came by: entities by ARN in the order they were found, and the associations walked along."""

    entities: dict[str, Record] = field(default_factory=dict)
    edges: dict[tuple[str, str], Record] = field(default_factory=dict)

    def along(self, wanted: set[str]) -> tuple[set[str], list[Record]]:
        """The entities and edges on the ways from the start to those that are wanted."""
        leading: dict[str, list[tuple[str, Record]]] = {}
        for (near, far), edge in self.edges.items():
            leading.setdefault(far, []).append((near, edge))
        kept, edges, looking = set(wanted), {}, list(wanted)
        while looking:
            for near, edge in leading.get(looking.pop(), ()):
                edges[edge.name] = edge
                if near not in kept:
                    kept.add(near)
                    looking.append(near)
        return kept, list(edges.values())


@operations
def query_lineage(call: Call, request: Params) -> Params:
    """Without a start, every entity that the filters leave. SDKs rely on Edges, also where nobody asked for them."""
    depth, results = request.get("MaxDepth", _DEPTH), request.get("MaxResults", _RESULTS)
    if depth < 1 or results < 1:
        raise validation_error("MaxDepth and MaxResults must be at least 1.")
    page = {"MaxResults": results, **({"NextToken": request["NextToken"]} if "NextToken" in request else {})}
    matches = _matcher(request.get("Filters", {}))
    starts = request.get("StartArns", ())
    if not starts:
        return {**sliced([_vertex(entity) for entity in _all(call) if matches(entity)], page, "Vertices"), "Edges": []}
    start = starts[0].lower()
    found: dict[str, Record] = {}
    wanted: list[Record] = []
    for walk in _walks(call, start, request.get("Direction", "Both"), depth):
        reached = {arn for arn, entity in walk.entities.items() if arn != start and matches(entity)}
        kept, edges = walk.along(reached) if request.get("IncludeEdges") else (reached, [])
        found |= {arn: walk.entities[arn] for arn in walk.entities if arn in kept and arn not in found}
        wanted += edges
    answer = sliced([_vertex(entity) for entity in found.values()], page, "Vertices")
    answer["Edges"] = _edges_of_page(list(found), wanted, answer["Vertices"])
    return answer


def _walks(call: Call, start: str, direction: str, depth: int) -> Iterator[_Graph]:
    """One walk up and one down: who comes from the same parent is neither."""
    entity = nouns.find_by_arn(call.store, start, call.account)
    if entity is None or entity.key.region != call.region:
        raise AwsError("ResourceNotFound", f"Lineage entity {start} does not exist.")
    if direction in ("Ascendants", "Both"):
        yield _walk(call, start, entity, depth, association.arriving, "SourceArn")
    if direction in ("Descendants", "Both"):
        yield _walk(call, start, entity, depth, association.leaving, "DestinationArn")


def _walk(
    call: Call,
    start: str,
    entity: Record,
    depth: int,
    edges: Callable[[Call, str], Iterator[Record]],
    end: str,
) -> _Graph:
    graph = _Graph({start: entity})
    looking: Sequence[str] = [start]
    for _ in range(depth):
        ahead: list[str] = []
        for arn in looking:
            for edge in edges(call, arn):
                other = edge.spec[end]
                if other not in graph.entities:
                    record = nouns.find_by_arn(call.store, other, call.account)
                    if record is None:
                        continue
                    graph.entities[other] = record
                    ahead.append(other)
                graph.edges[(arn, other)] = edge
        looking = ahead
    return graph


def _matcher(filters: Mapping[str, Any]) -> Callable[[Record], bool]:
    def matches(entity: Record) -> bool:
        properties = entity.spec.get("Properties", {})
        tests = (
            "Types" not in filters or bool({association.entity_type(entity), _type(entity)} & {*filters["Types"]}),
            "LineageTypes" not in filters or _KINDS.get(entity.key.kind) in filters["LineageTypes"],
            entity.created < filters.get("CreatedBefore", float("inf")),
            entity.created > filters.get("CreatedAfter", float("-inf")),
            entity.modified < filters.get("ModifiedBefore", float("inf")),
            entity.modified > filters.get("ModifiedAfter", float("-inf")),
            "Properties" not in filters
            or any(properties.get(key) == value for key, value in filters["Properties"].items()),
        )
        return all(tests)

    return matches


def _all(call: Call) -> Iterator[Record]:
    for kind in _KINDS:
        yield from call.store.every(Query(call.account, call.region, kind))


def _vertex(entity: Record) -> Params:
    described = {
        "Arn": entity.status[_ARNS[entity.key.kind]],
        "Type": _type(entity),
        "LineageType": _KINDS.get(entity.key.kind),
    }
    return {member: value for member, value in described.items() if value is not None}


def _type(entity: Record) -> str | None:
    """What vertices say of a type: `TrainingJob`, where associations say `SageMakerTrainingJob`."""
    found = association.entity_type(entity)
    return None if found is None else found.removeprefix("SageMaker")


def _edges_of_page(order: Sequence[str], edges: Sequence[Record], page: Sequence[Params]) -> list[Params]:
    """Each edge comes with the later one of its ends, so that all pages together have each edge once."""
    place = {arn: number for number, arn in enumerate(order)}
    shown = {vertex["Arn"] for vertex in page}
    members = ("SourceArn", "DestinationArn", "AssociationType")
    return [
        {member: edge.spec[member] for member in members if member in edge.spec}
        for edge in {edge.name: edge for edge in edges}.values()
        if max((edge.spec["SourceArn"], edge.spec["DestinationArn"]), key=lambda arn: place[arn]) in shown
    ]
