"""Resource shares and their tags."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from sagewright.base.errors import AlreadyExists, AwsError, StaleRecord
from sagewright.operations.call import Call, Params
from sagewright.operations.ram import entities
from sagewright.operations.ram.common import (
    every,
    invalid,
    of_others,
    page,
    parsed,
    permission_named,
    share_named,
    shares,
    token_of,
)
from sagewright.operations.ram.managed import permissions
from sagewright.operations.table import Operations
from sagewright.resources.record import Record
from sagewright.resources.resource_share import PRINCIPAL, RESOURCE, SHARE, share_arn
from sagewright.store.base import Write, attempts

operations = Operations()
_TAGS: Final = 50


@operations
def create_resource_share(call: Call, request: Params) -> Params:
    """All of it is there at once. A request that repeats an earlier one's token gets what that one made."""
    record, associations = _new(call, request)
    try:
        record = call.store.write([("create", each) for each in (record, *associations)])[0]
    except AlreadyExists:
        earlier = call.store.get(record.key)
        if earlier is None:
            raise busy("that this client token made") from None
        if earlier.spec["request"] != record.spec["request"]:
            raise AwsError(
                "IdempotentParameterMismatchException",
                "The client token was used by a request with other parameters. Choose another one.",
            ) from None
        record = earlier
    return {"resourceShare": _view(record), **token_of(request)}


@operations
def update_resource_share(call: Call, request: Params) -> Params:
    given: Params = {member: request[member] for member in ("name", "allowExternalPrincipals") if member in request}
    if not given:
        raise AwsError("MissingRequiredParameterException", "Give a name, or say allowExternalPrincipals.")
    _check_name(given.get("name", "a"))

    def update(record: Record) -> Record:
        invited = [each.name for each in every(call, PRINCIPAL, record.name) if "invited" in each.spec]
        if given.get("allowExternalPrincipals") is False and invited:
            raise AwsError(
                "OperationNotPermittedException",
                f"The resource share has external principals: {', '.join(invited)}. Disassociate them first.",
            )
        return replace(record, spec={**record.spec, **given}, modified=call.now)

    return {"resourceShare": _view(changed(call, request["resourceShareArn"], update)), **token_of(request)}


@operations
def delete_resource_share(call: Call, request: Params) -> Params:
    """It goes at once with all that is associated; what was shared stays."""
    for _ in attempts():
        record = share_named(call, request["resourceShareArn"])
        below = [each for kind in (RESOURCE, PRINCIPAL) for each in every(call, kind, record.name)]
        try:
            call.store.write([("delete", each) for each in (record, *below)])
            return {"returnValue": True, **token_of(request)}
        except StaleRecord:
            continue
    raise busy(request["resourceShareArn"])


@operations
def get_resource_shares(call: Call, request: Params) -> Params:
    if of_others(request):
        return {"resourceShares": []}
    by = request.get("permissionArn")
    wanted = None if by is None else permission_named(by, request.get("permissionVersion"))
    rows = [
        ([record.created, record.name], _view(record))
        for record in shares(call, request)
        if request.get("name", record.spec["name"]) == record.spec["name"]
        and request.get("resourceShareStatus", record.state) == record.state
        and all(_has(record, each) for each in request.get("tagFilters", ()))
        and (wanted is None or wanted.arn in record.spec["permissions"].values())
    ]
    return page("resourceShares", rows, request)


@operations
def tag_resource(call: Call, request: Params) -> Params:
    added = _tags(request)
    changed(call, _tagged(request), lambda record: replace(record, tags=_few({**record.tags, **added})))
    return {}


@operations
def untag_resource(call: Call, request: Params) -> Params:
    changed(call, _tagged(request), lambda record: record.untagged(request["tagKeys"]))
    return {}


def changed(
    call: Call,
    arn: str,
    change: Callable[[Record], Record],
    beside: Callable[[Record], Iterable[Write]] = lambda _record: (),
) -> Record:
    """A share with a change written down, and what is written in the same commit; both may be asked several times,
    and may raise. Raises as `share_named` does."""
    for _ in attempts():
        record = change(share_named(call, arn))
        try:
            return call.store.write([("update", record), *beside(record)])[0]
        except (StaleRecord, AlreadyExists):
            continue
    raise busy(arn)


def busy(which: str) -> AwsError:
    return AwsError("InvalidStateTransitionException", f"Resource share {which} kept changing. Try again.")


def _new(call: Call, request: Params) -> tuple[Record, list[Record]]:
    """A share and its associations, not written down yet."""
    entities.check_request(request)
    if request.get("permissionTemplateParameters"):
        raise invalid("No permission here has template parameters. Leave permissionTemplateParameters out.")
    _check_name(request["name"])
    external = request.get("allowExternalPrincipals", True)
    token = request.get("clientToken")
    # Two requests with one token meet at one key, however close together they come.
    name = call.services.ids.uuid() if token is None else str(uuid.uuid5(uuid.NAMESPACE_OID, token))
    associations = [
        *entities.resources(call, name, request.get("resourceArns", ())).values(),
        *entities.principals(call, name, request.get("principals", ()), external=external).values(),
    ]
    entities.check_together(associations)
    spec = {
        "name": request["name"],
        "allowExternalPrincipals": external,
        "permissions": {
            **{row.name: row.default.arn for row in entities.types_of(associations)},
            **_chosen(request.get("permissionArns", ())),
        },
        "request": None if token is None else {member: request[member] for member in sorted(request)},
        **{member: request[member] for member in ("resourceShareConfiguration",) if member in request},
    }
    uid, tags = call.services.ids.token(), _few(_tags(request))
    return Record(call.key(SHARE, name), uid, call.now, call.now, spec, state="ACTIVE", tags=tags), associations


def _chosen(arns: Iterable[str]) -> dict[str, str]:
    """Permissions by resource type."""
    chosen: dict[str, str] = {}
    for permission in map(permission_named, arns):
        if chosen.setdefault(permission.type, permission.arn) != permission.arn:
            raise invalid(
                f"A resource share has one permission for each resource type; {permission.type} has two here."
            )
    return chosen


def _view(record: Record) -> Params:
    spec = record.spec
    return {
        "resourceShareArn": share_arn(record.key),
        "name": spec["name"],
        "owningAccountId": record.key.account,
        "allowExternalPrincipals": spec["allowExternalPrincipals"],
        "status": record.state,
        "tags": [{"key": key, "value": value} for key, value in record.tags.items()],
        "creationTime": record.created,
        "lastUpdatedTime": record.modified,
        "featureSet": "STANDARD",
        **{member: spec[member] for member in ("resourceShareConfiguration",) if member in spec},
    }


def _check_name(name: str) -> None:
    if not name.strip():
        raise invalid("A resource share needs a name.")


def _has(record: Record, wanted: Params) -> bool:
    """Whether a share has a tag with one of the values; any value where none is given."""
    value = record.tags.get(wanted.get("tagKey", ""))
    return value is not None and value in (wanted.get("tagValues") or [value])


def _tagged(request: Params) -> str:
    """The ARN of what is tagged. Raises AwsError for AWS's permissions, which have no tags."""
    text: str | None = request.get("resourceShareArn") or request.get("resourceArn")
    if text is None:
        raise invalid("Give resourceShareArn or resourceArn.")
    parsed(text)
    if text in permissions():
        raise invalid(f"{text} is a permission of AWS's, which cannot be tagged.")
    return text


def _tags(request: Params) -> dict[str, str]:
    tags: dict[str, str] = {}
    for each in request.get("tags", ()):
        key = each.get("key", "")
        if not key or key.lower().startswith("aws:"):
            raise AwsError(
                "TagPolicyViolationException", f"A tag's key may not be empty or begin with aws:, as {key!r}."
            )
        if key in tags:
            raise invalid(f"Each tag key may be given once: {key!r}.")
        tags[key] = each.get("value", "")
    return tags


def _few(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > _TAGS:
        raise AwsError("TagLimitExceededException", f"A resource share may have {_TAGS} tags, not {len(tags)}.")
    return tags
