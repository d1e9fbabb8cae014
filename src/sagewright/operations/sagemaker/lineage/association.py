"""Associations: directed, at most one from one entity to another. What they join is known by ARN."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

from sagewright.base.errors import AlreadyExists, AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import listing, nouns
from sagewright.operations.sagemaker.listing import output_of, project, summaries
from sagewright.operations.sagemaker.noun import Noun, already_exists, together, who
from sagewright.operations.table import Operations
from sagewright.resources.lineage import ASSOCIATION, ASSOCIATION_FACETS, association_name
from sagewright.resources.record import Record
from sagewright.resources.trial_component import KIND as COMPONENT
from sagewright.store.base import Query, Write


def _missing(name: str, _arn: str) -> AwsError:
    return AwsError("ResourceNotFound", f"There is no association {name}.")


NOUN: Final = Noun(
    "Association",
    ASSOCIATION,
    _missing,
    already_exists("Association"),
    name_member="Association",
    facets={name: name for name in ASSOCIATION_FACETS},
    filters={name: name for name in ASSOCIATION_FACETS},
    sorts={name: name for name in ASSOCIATION_FACETS},
)
operations = Operations()

_TYPES: Final = {"artifact": "ArtifactType", "action": "ActionType", "context": "ContextType"}
_WITHOUT_SOURCE: Final = "SageMakerExperimentTrialComponent"
_NAMES: Final = {
    "artifact": "ArtifactName",
    "action": "ActionName",
    "context": "ContextName",
    "experiment": "ExperimentName",
    "experiment-trial-component": "TrialComponentName",
}


@operations
def add_association(call: Call, request: Params) -> Params:
    """Adding it again changes nothing, unless it were to be of another type."""
    wanted = request.get("AssociationType")

    def joined() -> Sequence[Write]:
        # Both ends are written along, so that neither can be deleted meanwhile without seeing the association.
        source, destination = _end(call, request["SourceArn"]), _end(call, request["DestinationArn"])
        types = {"SourceType": entity_type(source), "DestinationType": entity_type(destination)}
        spec = {**request, **_ends(request), **{member: value for member, value in types.items() if value is not None}}
        record = NOUN.new(call, spec, name=_name(request), status={"CreatedBy": who(call)})
        ends = {each.key: each for each in (source, destination)}
        return (("create", record), *(("update", each) for each in ends.values()))

    try:
        together(call.store, joined)
    except AlreadyExists:
        earlier = NOUN.find(call, _name(request))
        if wanted != earlier.spec.get("AssociationType"):
            raise validation_error(
                "An association of these two already exists, of another type. Delete it first."
            ) from None
    return _ends(request)


@operations
def delete_association(call: Call, request: Params) -> Params:
    NOUN.remove(call, NOUN.find(call, _name(request)))
    return _ends(request)


@operations
def list_associations(call: Call, request: Params) -> Params:
    member, shape = summaries(output_of(call))
    records, token = listing.select(call, {**request, **_ends(request)}, NOUN)
    shown = [project({**NOUN.view(record), **_names(call, record)}, shape) for record in records]
    return {member: shown, **({"NextToken": token} if token is not None else {})}


def touching(call: Call, arn: str) -> Iterator[Record]:
    """All associations that begin or end at an entity, each once."""
    return itertools.chain(
        leaving(call, arn),
        (each for each in _by(call, "DestinationArn", arn) if each.spec["SourceArn"] != arn),
    )


def leaving(call: Call, arn: str) -> Iterator[Record]:
    return _by(call, "SourceArn", arn)


def arriving(call: Call, arn: str) -> Iterator[Record]:
    return _by(call, "DestinationArn", arn)


def entity_type(record: Record) -> str | None:
    """What an entity says that it is; for a trial component that is what its source is, if it has one."""
    if record.key.kind == COMPONENT:
        return str(record.status.get("Source", {}).get("SourceType", _WITHOUT_SOURCE))
    found = record.spec.get(_TYPES.get(record.key.kind, ""))
    return None if found is None else str(found)


def _by(call: Call, end: str, arn: str) -> Iterator[Record]:
    return call.store.every(Query(call.account, call.region, NOUN.kind, facets={end: arn}))


def _ends(request: Params) -> Params:
    """The ARNs that a request gives, as records have them: in lower case."""
    return {member: request[member].lower() for member in ("SourceArn", "DestinationArn") if member in request}


def _name(request: Params) -> str:
    return association_name(request["SourceArn"], request["DestinationArn"])


def _end(call: Call, arn: str) -> Record:
    record = nouns.find_by_arn(call.store, arn, call.account)
    if record is None or record.key.region != call.region:
        raise AwsError("ResourceNotFound", f"Lineage entity {arn} does not exist.")
    return record


def _names(call: Call, association: Record) -> Params:
    """The names that both ends have now."""
    found: Params = {}
    for end in ("Source", "Destination"):
        record = nouns.find_by_arn(call.store, association.spec[f"{end}Arn"], call.account)
        if record is not None:
            found[f"{end}Name"] = record.spec.get(_NAMES[record.key.kind])
    return found
