"""Records of lineage that the service itself makes: artifacts by their address, and associations of two entities."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import orjson

from sagewright.resources.arn import sagemaker_arn
from sagewright.resources.record import Key, Record

ACTION: Final = "action"
ARTIFACT: Final = "artifact"
ASSOCIATION: Final = "association"
CONTEXT: Final = "context"
DEFAULT_GROUP: Final = "sagemaker-default-lineage-group"
ASSOCIATION_FACETS: Final = ("SourceArn", "DestinationArn", "SourceType", "DestinationType", "AssociationType")

_ID_LENGTH: Final = 32
_NAMES: Final = {ACTION: "Action", ARTIFACT: "Artifact", CONTEXT: "Context"}


def artifact_id(source: Mapping[str, Any]) -> str:
    """The same for the same address and the same ids, in whatever order they are given."""
    types = sorted((each["SourceIdType"], each["Value"]) for each in source.get("SourceTypes", ()))
    return _hashed(source["SourceUri"], types)


def artifact(place: Key, uri: str, kind: str, *, now: float) -> Record:
    """The artifact of an address, of a type such as `DataSet`; `place` is any key of its account and region."""
    source = {"SourceUri": uri}
    return _entity(place, ARTIFACT, artifact_id(source), kind, source, {}, now=now)


def named(
    place: Key,
    what: str,
    name: str,
    kind: str,
    source: Mapping[str, str],
    members: Mapping[str, str],
    *,
    now: float,
) -> Record:
    """An action or a context, as `what` says; `members` are what else is known of it."""
    return _entity(place, what, name, kind, source, {f"{_NAMES[what]}Name": name, **members}, now=now)


def arn_of(entity: Record) -> str:
    """An entity's ARN."""
    return str(entity.status[f"{_NAMES.get(entity.key.kind, 'TrialComponent')}Arn"])


def association_name(source: str, destination: str) -> str:
    """What the association of two ARNs is kept under."""
    return f"{source.lower()} {destination.lower()}"


def association(
    source: Record, destination: Record, kind: str, *, types: tuple[str | None, str | None], now: float
) -> Record:
    """That `source` has to do with `destination`, in a way such as `ContributedTo`; `types` are those of both."""
    arns = (arn_of(source).lower(), arn_of(destination).lower())
    spec = {
        "SourceArn": arns[0],
        "DestinationArn": arns[1],
        **{member: of for member, of in zip(("SourceType", "DestinationType"), types, strict=True) if of is not None},
        "AssociationType": kind,
    }
    key = source.key._replace(kind=ASSOCIATION, parent="", name=association_name(*arns))
    return Record(
        key=key,
        uid=_hashed(source.uid, destination.uid, now),
        created=now,
        modified=now,
        spec=spec,
        status={"AssociationArn": sagemaker_arn(key.region, key.account, ASSOCIATION, key.name)},
        facets={name: spec.get(name, "") for name in ASSOCIATION_FACETS},
    )


def _entity(
    place: Key,
    what: str,
    name: str,
    kind: str,
    source: Mapping[str, str],
    members: Mapping[str, str],
    *,
    now: float,
) -> Record:
    title = _NAMES[what]
    key = place._replace(kind=what, parent="", name=name.lower())
    return Record(
        key=key,
        uid=_hashed(*key, now),
        created=now,
        modified=now,
        spec={**members, "Source": dict(source), f"{title}Type": kind},
        status={
            f"{title}Arn": sagemaker_arn(key.region, key.account, what, name),
            "LineageGroupArn": sagemaker_arn(key.region, key.account, "lineage-group", DEFAULT_GROUP),
        },
        facets={"SourceUri": source["SourceUri"], f"{title}Type": kind},
    )


def _hashed(*parts: Any) -> str:
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()[:_ID_LENGTH]
