"""Requests for another value. The owner's are granted at once, be it more or less; others' wait until the owner sets
the quota (`sagewright quota set`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import together
from sagewright.operations.servicequotas.common import check_service, head, named, page
from sagewright.operations.servicequotas.quotas import every
from sagewright.operations.table import Operations
from sagewright.resources import quota
from sagewright.resources.owner import owner_of
from sagewright.resources.record import Record
from sagewright.store.base import Query, Write

operations = Operations()
_PENDING: Final = "PENDING"
_GRANTED: Final = "APPROVED"


@operations
def request_service_quota_increase(call: Call, request: Params) -> Params:
    """A ContextId, the ARN of a user or a role, asks for a quota of that one's own, which AWS does not have."""
    name, value, user = named(request), float(request["DesiredValue"]), owner_of(request.get("ContextId", ""))
    if value < 0 or not value.is_integer():
        raise AwsError("IllegalArgumentException", "DesiredValue must be a whole number that is not negative.")
    if user and not user.startswith("arn:aws:"):
        raise AwsError("IllegalArgumentException", "ContextId must be the ARN of the user or role that it is for.")
    grants = call.principal.kind == "root" or (call.principal.session is not None and call.principal.session.owner)
    asked = _asked(call, name, value, user, _GRANTED if grants else _PENDING)
    key = quota.key_of(call.account, call.region, name, user)

    def decide() -> Sequence[Write]:
        found, pending = call.store.get(key), _pending(call, name, user)
        if grants:
            return (("create", asked), *_set(call, asked, found, value), *_settled(call, pending, value))
        if value <= (quota.UNLIMITED if found is None else found.spec["Value"]):
            raise AwsError(
                "IllegalArgumentException",
                "You must provide a quota value greater than the current quota value. "
                "Only the owner of this server lowers one.",
            )
        if pending:
            raise AwsError("ResourceAlreadyExistsException", "Only one open request is allowed per quota.")
        return (("create", asked),)

    together(call.store, decide)
    return {"RequestedQuota": _view(call, asked)}


@operations
def get_requested_service_quota_change(call: Call, request: Params) -> Params:
    found = call.store.get(call.key(quota.REQUEST, request["RequestId"]))
    if found is None:
        raise AwsError("NoSuchResourceException", f"There is no request {request['RequestId']}.")
    return {"RequestedQuota": _view(call, found)}


@operations
def list_requested_service_quota_change_history(call: Call, request: Params) -> Params:
    if "ServiceCode" in request:
        check_service(request)
    return _history(call, request, None)


@operations
def list_requested_service_quota_change_history_by_quota(call: Call, request: Params) -> Params:
    return _history(call, request, named(request))


def _history(call: Call, request: Params, name: str | None) -> Params:
    level = request.get("QuotaRequestedAtLevel", "ACCOUNT")
    found = [
        _view(call, record)
        for record in sorted(every(call, quota.REQUEST), key=lambda record: record.created, reverse=True)
        if name in (None, record.spec["QuotaName"])
        and request.get("Status") in (None, record.state)
        and level in ("ALL", "RESOURCE" if record.spec["User"] else "ACCOUNT")
    ]
    return page(request, found, "RequestedQuotas")


def _asked(call: Call, name: str, value: float, user: str, state: str) -> Record:
    token = call.services.ids.token()
    return Record(
        key=call.key(quota.REQUEST, token),
        uid=token,
        created=call.now,
        modified=call.now,
        spec={"QuotaName": name, "DesiredValue": value, "User": user, "Requester": call.principal.arn},
        state=state,
        facets={"Pending": _waits_as(name, user) if state == _PENDING else ""},
    )


def _waits_as(name: str, user: str) -> str:
    return f"{name} {user}"


def _pending(call: Call, name: str, user: str) -> Sequence[Record]:
    query = Query(call.account, call.region, quota.REQUEST, facets={"Pending": _waits_as(name, user)})
    return call.store.list(query, limit=1).records


def _set(call: Call, asked: Record, found: Record | None, value: float) -> Sequence[Write]:
    if value >= quota.UNLIMITED:
        return () if found is None else (("delete", found),)
    if found is not None:
        return (("update", replace(found, spec={"Value": value}, modified=call.now)),)
    key = quota.key_of(call.account, call.region, asked.spec["QuotaName"], asked.spec["User"])
    return (("create", Record(key, call.services.ids.token(), call.now, call.now, {"Value": value})),)


def _settled(call: Call, pending: Sequence[Record], value: float) -> Sequence[Write]:
    """Requests that waited for this: granted, or not as much as they asked for."""
    return [
        (
            "update",
            replace(
                each,
                state=_GRANTED if value >= each.spec["DesiredValue"] else "NOT_APPROVED",
                facets={"Pending": ""},
                modified=call.now,
            ),
        )
        for each in pending
    ]


def _view(call: Call, record: Record) -> Params:
    user = record.spec["User"]
    return {
        **head(call, record.spec["QuotaName"], user),
        "Id": record.name,
        "DesiredValue": record.spec["DesiredValue"],
        "Status": record.state,
        "Created": record.created,
        "LastUpdated": record.modified,
        "Requester": json.dumps({"accountId": call.account, "callerArn": record.spec["Requester"]}),
        "QuotaRequestedAtLevel": "RESOURCE" if user else "ACCOUNT",
    }
