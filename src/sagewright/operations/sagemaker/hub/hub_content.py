"""Contents of hubs: documents in versions. Lists of contents show the newest version of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import orjson

from sagewright.base.errors import AlreadyExists, AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import listing
from sagewright.operations.sagemaker.hub import hub
from sagewright.operations.sagemaker.listing import Filter, contains, output_of, project
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found, together
from sagewright.resources.record import Record
from sagewright.store.base import Query, Write

REFERENCE: Final = "ModelReference"
_FIRST: Final = "1.0.0"


def version(text: str) -> tuple[int, ...]:
    """`1.10.0` as numbers, which compare as versions do. Raises a ValidationException for anything else."""
    parts = text.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise validation_error(f"{text!r} is not a version. Versions are three numbers: {_FIRST}")
    return tuple(int(part) for part in parts)


def _at_most(member: str) -> Filter:
    return lambda view, wanted: version(view.get(member, "0.0.0")) <= version(wanted)


def _at_least(member: str) -> Filter:
    return lambda view, wanted: version(view[member]) >= version(wanted)


NOUN: Final = Noun(
    "HubContent",
    "hub-content",
    resource_not_found("HubContent"),
    resource_in_use("HubContent"),
    name_member="HubContentVersion",
    parents=("HubName", "HubContentType", "HubContentName"),
    facets={"HubName": "HubName", "newest": "newest"},
    filters={
        "MaxSchemaVersion": _at_most("DocumentSchemaVersion"),
        "MinVersion": _at_least("HubContentVersion"),
        "NameContains": contains("HubContentName"),
        "newest": "newest",
    },
    sorts={"HubContentName": "HubContentName"},
)
operations = NOUN.operations(but=("describe_hub_content", "list_hub_contents"))


@operations
def import_hub_content(call: Call, request: Params) -> Params:
    """A new version; the one after the newest where the request does not say which."""
    if request["HubContentType"] == REFERENCE:
        raise validation_error("References are not imported: CreateHubContentReference makes them.")
    version(request["DocumentSchemaVersion"])
    _check_document(request["HubContentDocument"])
    return NOUN.answer(call, add(call, request))


@operations
def describe_hub_content(call: Call, request: Params) -> Params:
    _, request = hub.within(call, request)
    return project(NOUN.view(find(call, request)), output_of(call))


@operations
def list_hub_contents(call: Call, request: Params) -> Params:
    of, request = hub.within(call, request)
    filters = {member: value for member, value in request.items() if member not in NOUN.parents}
    return listing.page(call, {**filters, "newest": _shelf(of.name, request["HubContentType"])}, NOUN)


@operations
def list_hub_content_versions(call: Call, request: Params) -> Params:
    _, request = hub.within(call, request)
    find(call, request)
    return listing.page(call, request, NOUN)


@operations
def update_hub_content(call: Call, request: Params) -> Params:
    _, request = hub.within(call, request)
    return NOUN.answer(call, NOUN.merge(call, request))


@operations
def delete_hub_content(call: Call, request: Params) -> Params:
    """One version. If it was the newest, the one before becomes that."""

    def gone() -> Sequence[Write]:
        of, named = hub.within(call, request)
        record = NOUN.named(call, named)
        left = [each for each in versions(call, named) if each.key != record.key]
        return (("delete", record), *_changes(left, _marked(left)), ("update", of))

    together(call.store, gone)
    return {}


def add(call: Call, request: Params) -> Record:
    """Write down one version of a content. Raises ResourceInUse when it is there."""
    number = request.get("HubContentVersion")
    made: list[Record] = []

    def write() -> Sequence[Write]:
        of, named = hub.within(call, request)
        others = versions(call, named)
        name = number or _next(others)
        version(name)
        created = min([call.now, *(each.created for each in others)])
        status = {"HubArn": of.status["HubArn"], "OriginalCreationTime": created}
        record = NOUN.new(call, named, name=name, state="Available", status=status)
        made[:] = [record]
        *marked, new = _marked([*others, record])
        # The hub first: two who count versions at the same time find that out, and count again.
        return (("update", of), ("create", new), *_changes(others, marked))

    try:
        return together(call.store, write)[1]
    except AlreadyExists:
        raise NOUN.exists(made[0].name, made[0].status["HubContentArn"]) from None


def find(call: Call, request: Params) -> Record:
    """The version that a request names, or the newest. The request has the hub's name, not its ARN."""
    if "HubContentVersion" in request:
        return NOUN.named(call, request)
    found = versions(call, request)
    if not found:
        name = f"{request['HubContentType']}/{request['HubContentName']}"
        raise AwsError("ResourceNotFound", f"HubContent [{name}] does not exist in hub {request['HubName']}.")
    return found[-1]


def versions(call: Call, request: Params) -> list[Record]:
    """All versions of the content that a request names, oldest number first."""
    query = Query(call.account, call.region, NOUN.kind, parent=NOUN.parent_of(request))
    return sorted(call.store.every(query), key=_number)


def _marked(records: Sequence[Record]) -> list[Record]:
    """The same records, of which the newest alone is marked as that."""
    newest = max(records, key=_number, default=None)
    marked = []
    for record in records:
        mark = _shelf(record.spec["HubName"], record.spec["HubContentType"]) if record is newest else ""
        if record.status.get("newest") == mark:
            marked.append(record)
        else:
            marked.append(NOUN.faceted(replace(record, status={**record.status, "newest": mark})))
    return marked


def _changes(before: Sequence[Record], after: Sequence[Record]) -> list[Write]:
    return [("update", now) for old, now in zip(before, after, strict=True) if now is not old]


def _number(record: Record) -> tuple[int, ...]:
    return version(record.name)


def _shelf(hub_name: str, kind: str) -> str:
    return f"{hub_name}/{kind}"


def _next(others: Sequence[Record]) -> str:
    if not others:
        return _FIRST
    *above, last = _number(others[-1])
    return ".".join(str(part) for part in (*above, last + 1))


def _check_document(text: str) -> None:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise validation_error(f"HubContentDocument is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise validation_error("HubContentDocument must be a JSON object.")
