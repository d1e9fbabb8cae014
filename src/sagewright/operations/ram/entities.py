"""What a request wants to share, and with whom: both are looked up and checked, before anything is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.iam.records import ROLE, USER, find_by_arn
from sagewright.operations.ram.common import invalid, parsed, unknown
from sagewright.operations.ram.managed import ResourceType, types
from sagewright.operations.sagemaker import nouns
from sagewright.operations.sagemaker.features import resource_catalog
from sagewright.resources.record import Record
from sagewright.resources.resource_share import ENTITY, PRINCIPAL, RESOURCE

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_IDENTITY: Final = re.compile(r"arn:aws:iam::(\d{12}):(role|user)/[\w+=,.@/-]+", re.ASCII)
_ORGANIZATION: Final = re.compile(r"arn:aws:organizations::\d{12}:organization/(o-[a-z0-9]{10,32})")
_UNIT: Final = re.compile(r"arn:aws:organizations::\d{12}:ou/o-[a-z0-9]{10,32}/(ou-[a-z0-9]+-[a-z0-9]+)")
_SERVICE: Final = re.compile(r"[a-z0-9.-]+\.amazonaws\.com")
_IDS: Final = {"role": (ROLE, "RoleId"), "user": (USER, "UserId")}
_MOST: Final = 100
"""Of each that one request may bring."""


def check_request(request: Params) -> None:
    """Raises for what no request may ask for here."""
    if request.get("sources"):
        raise invalid(
            "Sources bound what services do with a share, and no type of resources here can be shared with a service. "
            "Leave them out."
        )
    for member in ("resourceArns", "principals"):
        if len(request.get(member, ())) > _MOST:
            raise AwsError("ResourceShareLimitExceededException", f"A request may have {_MOST} {member}.")


def resources(call: Call, share: str, arns: Iterable[str]) -> Mapping[str, Record]:
    """An association for each ARN, not written down yet, by the resource's own spelling of it.

    Raises MalformedArnException for what is no ARN or of a type that cannot be shared, OperationNotPermittedException
    for what is not this account's, InvalidParameterException for another region, UnknownResourceException for what is
    not there.
    """
    found = {}
    for text in arns:
        row, record, arn = _resource(call, text)
        spec = {"type": row.name, "uid": record.uid}
        found[arn] = association(call, RESOURCE, share, arn, spec)
    return found


def type_of(text: str) -> ResourceType:
    """The type of a resource by its ARN. Raises MalformedArnException."""
    arn = parsed(text)
    row = types().get(arn.type) if arn.service == "sagemaker" else None
    if row is None:
        raise AwsError("MalformedArnException", f"You cannot share the selected resource type: {text}.")
    return row


def _resource(call: Call, text: str) -> tuple[ResourceType, Record, str]:
    row, arn = type_of(text), parsed(text)
    if arn.account != call.account:
        raise AwsError("OperationNotPermittedException", f"You can share a resource only if you own it: {text}.")
    if arn.region != call.region:
        raise invalid(f"{text} is in another region. A share has resources of its own region, here {call.region}.")
    if row.kind == resource_catalog.NOUN.kind:
        resource_catalog.ensure_default(call)
    record = nouns.find_by_arn(call.store, text, call.account)
    if record is None or record.key.kind != row.kind:  # an execution of a pipeline has an ARN like the pipeline's
        raise unknown(f"Resource {text} could not be found.")
    return row, record, record.status[nouns.NOUNS.load(row.kind).arn_member]


def principals(call: Call, share: str, named: Iterable[str], *, external: bool) -> Mapping[str, Record]:
    """An association for each principal, not written down yet; `external` says whether others than this account are
    let in.

    Raises InvalidParameterException for what no principal is called, and for services, UnknownResourceException for
    organizations and for users and roles of this account that are not there, OperationNotPermittedException for whom
    the share does not let in.
    """
    found = {}
    for each in named:
        spec = _principal(call, each)
        if "invited" in spec and not external:
            raise AwsError(
                "OperationNotPermittedException",
                f"{each} is outside of this account, and the resource share does not allow external principals.",
            )
        found[each] = association(call, PRINCIPAL, share, each, spec)
    return found


def _principal(call: Call, text: str) -> Mapping[str, Any]:
    if _ACCOUNT.fullmatch(text):
        return {"id": text} if text == call.account else {"invited": call.now}
    if identity := _IDENTITY.fullmatch(text):
        if identity[1] != call.account:
            return {"invited": call.now}
        kind, member = _IDS[identity[2]]
        record = find_by_arn(call.store, call.account, kind, text)
        if record is None:
            raise unknown(f"Principal {text} could not be found.")
        return {"id": record.status[member]}
    if organization := _ORGANIZATION.fullmatch(text):
        raise unknown(f"Organization {organization[1]} could not be found.")
    if unit := _UNIT.fullmatch(text):
        raise unknown(f"OrganizationalUnit {unit[1]} in unknown organization could not be found.")
    if _SERVICE.fullmatch(text):
        raise invalid(f"No type of resources here can be shared with a service, such as {text}.")
    raise invalid(f"Principal ID {text} is malformed. Verify the ID and try again.")


def check_together(associations: Iterable[Record]) -> None:
    """Raises InvalidParameterException for users and roles beside what only accounts may be given."""
    by_kind: dict[str, list[str]] = {RESOURCE: [], PRINCIPAL: []}
    for each in associations:
        by_kind[each.key.kind].append(each.name)
    single = next((name for name in by_kind[PRINCIPAL] if name.startswith("arn:")), None)
    whole = next((arn for arn in by_kind[RESOURCE] if not type_of(arn).identities), None)
    if single is not None and whole is not None:
        raise invalid(f"{type_of(whole).name} can be shared with accounts only, not with {single}: {whole}.")


def association(call: Call, kind: str, share: str, name: str, spec: Mapping[str, Any]) -> Record:
    record = Record(call.key(kind, name, share), call.services.ids.token(), call.now, call.now, spec)
    return replace(record, facets={ENTITY: entity(kind, name)})


def entity(kind: str, name: str) -> str:
    """What an association is found by."""
    return name.lower() if kind == RESOURCE else name


def types_of(associations: Iterable[Record]) -> Sequence[ResourceType]:
    """The types of the resources among them, each once."""
    return [*{row.kind: row for row in (type_of(a.name) for a in associations if a.key.kind == RESOURCE)}.values()]
