"""What is in a resource share: the resources, and the principals that they are shared with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.ram import entities
from sagewright.operations.ram.common import every, invalid, of_others, page, parsed, shares, token_of
from sagewright.operations.ram.managed import type_named
from sagewright.operations.ram.shares import changed
from sagewright.operations.sagemaker import nouns
from sagewright.operations.table import Operations
from sagewright.resources.record import Record
from sagewright.resources.resource_share import ENTITY, PRINCIPAL, RESOURCE, association_status, share_arn
from sagewright.store.base import Write

operations = Operations()
_KINDS: Final = {"RESOURCE": RESOURCE, "PRINCIPAL": PRINCIPAL}
_TYPES: Final = {kind: name for name, kind in _KINDS.items()}
_NO_ANSWER: Final = "The invitation was not accepted within 12 hours. Associate the principal again to invite it anew."


@operations
def associate_resource_share(call: Call, request: Params) -> Params:
    """What is associated already stays as it is, except for who did not answer: such a principal is invited anew."""
    entities.check_request(request)
    written: list[Record] = []

    def beside(share: Record) -> Iterator[Write]:
        external = share.spec["allowExternalPrincipals"]
        wanted = {
            **entities.resources(call, share.name, request.get("resourceArns", ())),
            **entities.principals(call, share.name, request.get("principals", ()), external=external),
        }
        there = {each.name: each for each in _within(call, share)}
        entities.check_together((there | wanted).values())
        written.clear()
        for name, record in wanted.items():
            known = there.get(name)
            if known is None:
                yield "create", record
                written.append(record)
            elif _same(call, known, record):
                written.append(known)
            else:
                written.append(replace(known, spec=record.spec, modified=call.now))
                yield "update", written[-1]

    def with_permissions(share: Record) -> Record:
        own = {row.name: row.default.arn for row in map(entities.type_of, request.get("resourceArns", ()))}
        return replace(share, spec={**share.spec, "permissions": {**own, **share.spec["permissions"]}})

    share = changed(call, request["resourceShareArn"], with_permissions, beside)
    return {"resourceShareAssociations": [_view(call, share, each) for each in written], **token_of(request)}


@operations
def disassociate_resource_share(call: Call, request: Params) -> Params:
    """What is not associated is left out of the answer."""
    entities.check_request(request)
    named = {RESOURCE: request.get("resourceArns", ()), PRINCIPAL: request.get("principals", ())}
    gone: list[Record] = []

    def beside(share: Record) -> Iterator[Write]:
        wanted = {(kind, entities.entity(kind, name)) for kind, names in named.items() for name in names}
        gone[:] = [each for each in _within(call, share) if (each.key.kind, each.facets[ENTITY]) in wanted]
        return (("delete", each) for each in gone)

    for arn in named[RESOURCE]:
        parsed(arn)
    share = changed(call, request["resourceShareArn"], lambda share: share, beside)
    views = [{**_view(call, share, each), "status": "DISASSOCIATED", "lastUpdatedTime": call.now} for each in gone]
    return {"resourceShareAssociations": views, **token_of(request)}


@operations
def get_resource_share_associations(call: Call, request: Params) -> Params:
    kind = _KINDS.get(request["associationType"])
    for member, misfit in (("resourceArn", PRINCIPAL), ("principal", RESOURCE)):
        if member in request and kind == misfit:
            raise invalid(f"You cannot specify {member} when the association type is {request['associationType']}.")
    entity = request.get("principal")
    if "resourceArn" in request:
        parsed(request["resourceArn"])
        entity = entities.entity(RESOURCE, request["resourceArn"])
    rows = []
    for share, each in _associations(call, shares(call, request), [] if kind is None else [kind], entity):
        view = _view(call, share, each)
        if request.get("associationStatus", view["status"]) == view["status"]:
            rows.append(([each.created, share.name, each.name], view))
    return page("resourceShareAssociations", rows, request)


@operations
def list_resources(call: Call, request: Params) -> Params:
    _check_type(request, "resourceType")
    if of_others(request) or request.get("resourceRegionScope") == "GLOBAL":
        return {"resources": []}
    found = shares(call, request)
    if "principal" in request:
        found = _with(call, found, PRINCIPAL, [request["principal"]])
    arns = [entities.entity(RESOURCE, str(parsed(each))) for each in request.get("resourceArns", ())]
    rows = [
        ([each.created, share.name, each.name], _resource(call, share, each))
        for share, each in _associations(call, found, [RESOURCE])
        if _of_type(each, request) and (not arns or each.facets[ENTITY] in arns)
    ]
    return page("resources", rows, request)


@operations
def list_principals(call: Call, request: Params) -> Params:
    _check_type(request, "resourceType")
    if of_others(request):
        return {"principals": []}
    found = shares(call, request)
    if "resourceArn" in request:
        found = _with(call, found, RESOURCE, [entities.entity(RESOURCE, str(parsed(request["resourceArn"])))])
    if "resourceType" in request:
        found = [share for share in found if any(_of_type(e, request) for e in every(call, RESOURCE, share.name))]
    named = request.get("principals")
    rows = [
        ([each.created, share.name, each.name], _principal(share, each))
        for share, each in _associations(call, found, [PRINCIPAL])
        if not named or each.name in named
    ]
    return page("principals", rows, request)


@operations
def list_source_associations(call: Call, request: Params) -> Params:
    """Sources bound what services do with shares: no type of resources here can be shared with any."""
    shares(call, request)
    return {"sourceAssociations": []}


def _within(call: Call, share: Record) -> list[Record]:
    return [each for kind in (RESOURCE, PRINCIPAL) for each in every(call, kind, share.name)]


def _associations(
    call: Call, among: Iterable[Record], kinds: Sequence[str], entity: str | None = None
) -> Iterator[tuple[Record, Record]]:
    """Shares, and each of what is associated with them."""
    facets = {} if entity is None else {ENTITY: entity}
    for share in among:
        for kind in kinds:
            for each in every(call, kind, share.name, facets):
                yield share, each


def _with(call: Call, among: Iterable[Record], kind: str, wanted: Sequence[str]) -> list[Record]:
    """Those shares with which one of these entities is associated."""
    return [share for share in among if any(each.facets[ENTITY] in wanted for each in every(call, kind, share.name))]


def _check_type(request: Params, member: str) -> None:
    if member in request and type_named(request[member]) is None:
        raise invalid(f"Resource type {request[member]} cannot be shared here. ListResourceTypes has those that can.")


def _of_type(association: Record, request: Params) -> bool:
    wanted = request.get("resourceType")
    return wanted is None or bool(wanted.lower() == association.spec["type"].lower())


def _status(call: Call, association: Record) -> str:
    return association_status(association, call.now)


def _same(call: Call, known: Record, wanted: Record) -> bool:
    """Whether an association means what another one would: the same thing or person, and no invitation run out."""
    ids = ("uid", "id")
    return all(known.spec.get(each) == wanted.spec.get(each) for each in ids) and (
        _status(call, known) == _status(call, wanted)
    )


def _view(call: Call, share: Record, association: Record) -> Params:
    status = _status(call, association)
    return {
        "resourceShareArn": share_arn(share.key),
        "resourceShareName": share.spec["name"],
        "associatedEntity": association.name,
        "associationType": _TYPES[association.key.kind],
        "status": status,
        **({"statusMessage": _NO_ANSWER} if status == "DISASSOCIATED" else {}),
        "creationTime": association.created,
        "lastUpdatedTime": association.modified,
        "external": "invited" in association.spec,
    }


def _resource(call: Call, share: Record, association: Record) -> Params:
    record = nouns.find_by_arn(call.store, association.name, call.account)
    there = record is not None and record.uid == association.spec["uid"]
    return {
        "arn": association.name,
        "type": association.spec["type"],
        "resourceShareArn": share_arn(share.key),
        "status": "AVAILABLE" if there else "UNAVAILABLE",
        **({} if there else {"statusMessage": "What was shared is not there any more."}),
        "creationTime": association.created,
        "lastUpdatedTime": association.modified,
        "resourceRegionScope": "REGIONAL",
    }


def _principal(share: Record, association: Record) -> Params:
    return {
        "id": association.name,
        "resourceShareArn": share_arn(share.key),
        "creationTime": association.created,
        "lastUpdatedTime": association.modified,
        "external": "invited" in association.spec,
    }
