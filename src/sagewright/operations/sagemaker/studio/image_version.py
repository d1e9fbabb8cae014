"""Versions of images: numbered from 1, found by number or alias. An image has each alias once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AlreadyExists, AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import output_of, project, sliced
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found, together
from sagewright.operations.sagemaker.studio import image
from sagewright.resources.record import Record
from sagewright.store.base import Query, Write

NOUN: Final = Noun(
    "ImageVersion",
    image.VERSION,
    resource_not_found("ImageVersion"),
    resource_in_use("ImageVersion"),
    name_member="Version",
    parents=("ImageName",),
    facets={"ClientToken": "ClientToken"},
    sorts={"VERSION": "Version"},
)
operations = NOUN.operations(but=("describe_image_version", "list_image_versions"))

_NAMING: Final = ("ImageName", "Version", "Alias", "Aliases", "AliasesToAdd", "AliasesToDelete")


@operations
def create_image_version(call: Call, request: Params) -> Params:
    """The image's next number. A request that repeats an earlier one's client token gets the version it made."""

    def next_one() -> Sequence[Write]:
        of = image.NOUN.named(call, request)
        if _made_with(call, request) is not None:
            raise AlreadyExists
        number = of.status.get("versions", 0) + 1
        aliases = _with(of.status.get("aliases", {}), request.get("Aliases", ()), number)
        version = NOUN.new(
            call,
            {member: value for member, value in request.items() if member != "Aliases"},
            name=str(number),
            state="CREATED",
            status={"Version": number, "ImageArn": of.status["ImageArn"]},
        )
        counted = replace(of, status={**of.status, "versions": number, "aliases": aliases})
        # The image first: two who count at the same time find that out by its version, and count again.
        return (("update", counted), ("create", version))

    try:
        return NOUN.answer(call, together(call.store, next_one)[1])
    except AlreadyExists:
        earlier = _made_with(call, request)
        if earlier is None:
            raise AwsError("ResourceInUse", "The version that this repeats was just deleted. Try again.") from None
        return NOUN.answer(call, earlier)


@operations
def describe_image_version(call: Call, request: Params) -> Params:
    """The newest one, unless a number or an alias is given."""
    return project(NOUN.view(_find(call, image.NOUN.named(call, request), request)), output_of(call))


@operations
def list_image_versions(call: Call, request: Params) -> Params:
    image.NOUN.named(call, request)
    return NOUN.list(call, request)


@operations
def update_image_version(call: Call, request: Params) -> Params:
    _check_named(request)
    given = {member: value for member, value in request.items() if member not in _NAMING}

    def changed() -> Sequence[Write]:
        of = image.NOUN.named(call, request)
        version = _find(call, of, request)
        kept = _without(of.status.get("aliases", {}), request.get("AliasesToDelete", ()), version.status["Version"])
        aliases = _with(kept, request.get("AliasesToAdd", ()), version.status["Version"])
        changed = NOUN.faceted(replace(version, spec={**version.spec, **given}, modified=call.now))
        return (("update", changed), ("update", replace(of, status={**of.status, "aliases": aliases})))

    return NOUN.answer(call, together(call.store, changed)[0])


@operations
def delete_image_version(call: Call, request: Params) -> Params:
    _check_named(request)

    def gone() -> Sequence[Write]:
        of = image.NOUN.named(call, request)
        version = _find(call, of, request)
        number = version.status["Version"]
        aliases = {alias: of_ for alias, of_ in of.status.get("aliases", {}).items() if of_ != number}
        return (("delete", version), ("update", replace(of, status={**of.status, "aliases": aliases})))

    together(call.store, gone)
    return {}


@operations
def list_aliases(call: Call, request: Params) -> Params:
    aliases: Mapping[str, int] = image.NOUN.named(call, request).status.get("aliases", {})
    wanted = [
        alias
        for alias, number in sorted(aliases.items())
        if request.get("Alias", alias) == alias and request.get("Version", number) == number
    ]
    return sliced(wanted, request, "SageMakerImageVersionAliases")


def _find(call: Call, of: Record, request: Params) -> Record:
    """The version that a request means by its number or alias; without either the newest."""
    if "Version" in request and "Alias" in request:
        raise validation_error("Give a Version or an Alias, not both.")
    if "Alias" in request:
        number = of.status.get("aliases", {}).get(request["Alias"])
        if number is None:
            raise AwsError("ResourceNotFound", f"ImageVersion [{of.name}:{request['Alias']}] does not exist.")
        return NOUN.find(call, str(number), of.name)
    if "Version" in request:
        return NOUN.find(call, str(request["Version"]), of.name)
    every = image.versions(call, of)
    if not every:
        raise AwsError("ResourceNotFound", f"ImageVersion [{of.name}] does not exist: the image has no versions.")
    return max(every, key=lambda version: int(version.status["Version"]))


def _check_named(request: Params) -> None:
    if "Version" not in request and "Alias" not in request:
        raise validation_error("Either Version or Alias is required: they say which version of the image is meant.")


def _made_with(call: Call, request: Params) -> Record | None:
    """The version that an earlier request with this client token made."""
    query = Query(
        call.account,
        call.region,
        NOUN.kind,
        parent=request["ImageName"],
        facets={"ClientToken": request["ClientToken"]},
    )
    return next(iter(call.store.list(query, limit=1).records), None)


def _with(aliases: Mapping[str, int], added: Iterable[str], number: int) -> dict[str, int]:
    result: dict[str, Any] = dict(aliases)
    for alias in added:
        if result.get(alias, number) != number:
            raise AwsError("ResourceInUse", f"The alias {alias} already names version {result[alias]} of the image.")
        result[alias] = number
    return result


def _without(aliases: Mapping[str, int], removed: Iterable[str], number: int) -> dict[str, int]:
    for alias in removed:
        if aliases.get(alias) != number:
            raise AwsError("ResourceNotFound", f"The alias {alias} does not exist on version {number} of the image.")
    return {alias: of for alias, of in aliases.items() if alias not in set(removed)}
