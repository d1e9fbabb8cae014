"""Repositories and their settings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.dataplane.images.values import NoSuchRepository, Repository
from sagewright.operations.call import Call, Params
from sagewright.operations.ecr.common import (
    MOST_TAGS,
    check_registry,
    named,
    page,
    repository_of,
    tags_of,
    too_many_tags,
    view,
)
from sagewright.operations.ecr.refusals import answering, invalid, spelled
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn
from sagewright.resources.ecr import REPOSITORY
from sagewright.resources.record import Record
from sagewright.store.base import Query

operations = Operations()

_MOST_FILTERS: Final = 5
_MOST_STARS: Final = 2


@operations
@answering
def create_repository(call: Call, request: Params) -> Params:
    repository = repository_of(call, request)
    encryption = request.get("encryptionConfiguration", {"encryptionType": "AES256"})
    if encryption["encryptionType"] != "AES256":
        raise invalid(
            "encryptionConfiguration",
            "Sagewright does not encrypt layers with KMS keys: leave it out and keep the data folder on an encrypted "
            "disk",
        )
    tags = tags_of(request.get("tags", ()))
    if len(tags) > MOST_TAGS:
        raise too_many_tags()
    spec = {
        **_mutability(request, "MUTABLE"),
        "imageScanningConfiguration": _scanning(request.get("imageScanningConfiguration", {})),
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }
    return {"repository": view(call, call.services.images.create(repository, spec, tags))}


@operations
@answering
def describe_repositories(call: Call, request: Params) -> Params:
    check_registry(call, request)
    if "repositoryNames" in request:
        if "nextToken" in request or "maxResults" in request:
            raise invalid("repositoryNames", "names and pages cannot be asked for together")
        found: Sequence[Record] = [_named(call, name) for name in dict.fromkeys(request["repositoryNames"])]
        return {"repositories": [view(call, record) for record in found]}

    def beyond(position: str | None) -> Iterable[Record]:
        return call.store.every(Query(call.account, call.region, REPOSITORY, name_after=position))

    records, more = page(request, beyond, lambda record: record.name)
    return {"repositories": [view(call, record) for record in records], **more}


def _named(call: Call, name: str) -> Record:
    try:
        return call.services.images.repository(Repository(call.region, name))
    except NoSuchRepository as error:
        raise spelled(error, name, call.account) from error


@operations
@answering
def delete_repository(call: Call, request: Params) -> Params:
    repository = repository_of(call, request)
    record = call.services.images.delete(repository, force=bool(request.get("force")))
    return {"repository": view(call, record)}


# Settings.


@operations
@answering
def put_image_tag_mutability(call: Call, request: Params) -> Params:
    repository, settings = repository_of(call, request), _mutability(request, "")

    def change(record: Record) -> Record:
        kept = {member: value for member, value in record.spec.items() if member != _FILTERS}
        return replace(record, spec={**kept, **settings})

    call.services.images.configure(repository, change)
    return {**named(call, request), **settings}


_FILTERS: Final = "imageTagMutabilityExclusionFilters"


def _mutability(request: Params, default: str) -> dict[str, Any]:
    kind, filters = request.get("imageTagMutability", default), request.get(_FILTERS, [])
    if kind.endswith("_WITH_EXCLUSION") != bool(filters):
        raise invalid(_FILTERS, "exclusion filters go with IMMUTABLE_WITH_EXCLUSION and MUTABLE_WITH_EXCLUSION only")
    if len(filters) > _MOST_FILTERS:
        raise invalid(_FILTERS, f"there may be {_MOST_FILTERS} filters at most")
    if any(each["filter"].count("*") > _MOST_STARS for each in filters):
        raise invalid(_FILTERS, f"a filter may hold {_MOST_STARS} wildcards at most")
    return {"imageTagMutability": kind, **({_FILTERS: filters} if filters else {})}


@operations
@answering
def put_image_scanning_configuration(call: Call, request: Params) -> Params:
    """Kept as a setting: nothing scans here, and StartImageScan says so."""
    repository = repository_of(call, request)
    scanning = _scanning(request["imageScanningConfiguration"])
    call.services.images.configure(
        repository, lambda record: replace(record, spec={**record.spec, "imageScanningConfiguration": scanning})
    )
    return {**named(call, request), "imageScanningConfiguration": scanning}


def _scanning(given: Params) -> dict[str, bool]:
    return {"scanOnPush": bool(given.get("scanOnPush", False))}


# Tags.


@operations
@answering
def tag_resource(call: Call, request: Params) -> Params:
    added = tags_of(request["tags"])

    def change(record: Record) -> Record:
        tagged = record.tagged(added)
        if len(tagged.tags) > MOST_TAGS:
            raise too_many_tags()
        return tagged

    _by_arn(call, request, change)
    return {}


@operations
@answering
def untag_resource(call: Call, request: Params) -> Params:
    _by_arn(call, request, lambda record: record.untagged(request["tagKeys"]))
    return {}


@operations
@answering
def list_tags_for_resource(call: Call, request: Params) -> Params:
    tags = _named(call, _repository_of_arn(call, request).name).tags
    return {"tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _repository_of_arn(call: Call, request: Params) -> Repository:
    text = request["resourceArn"]
    try:
        arn = Arn.parse(text)
    except ValueError:
        raise invalid("resourceArn", f"{text[:200]} is not an ARN") from None
    if arn[:4] != ("aws", "ecr", call.region, call.account) or arn.type != "repository":
        raise invalid("resourceArn", f"{text[:200]} names no repository of this account and region")
    return Repository(call.region, arn.id)


def _by_arn(call: Call, request: Params, change: Any) -> None:
    repository = _repository_of_arn(call, request)
    try:
        call.services.images.configure(repository, change)
    except NoSuchRepository as error:
        raise spelled(error, repository.name, call.account) from error
