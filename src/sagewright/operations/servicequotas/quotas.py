"""The quotas and their values. One that nobody set is as good as none."""

from __future__ import annotations

from collections.abc import Iterator

from sagewright.operations.call import Call, Params
from sagewright.operations.servicequotas.common import (
    SERVICE,
    SERVICE_NAME,
    check_service,
    head,
    named,
    names,
    page,
)
from sagewright.operations.table import Operations
from sagewright.resources import quota
from sagewright.resources.owner import owner_of
from sagewright.resources.record import Record
from sagewright.store.base import Query

operations = Operations()


@operations
def list_services(call: Call, request: Params) -> Params:
    return page(request, [{"ServiceCode": SERVICE, "ServiceName": SERVICE_NAME}], "Services")


@operations
def get_service_quota(call: Call, request: Params) -> Params:
    name, user = named(request), owner_of(request.get("ContextId", ""))
    return {"Quota": _view(call, name, call.store.get(quota.key_of(call.account, call.region, name, user)), user)}


@operations
def get_aws_default_service_quota(call: Call, request: Params) -> Params:
    return {"Quota": _view(call, named(request), None)}


@operations
def list_service_quotas(call: Call, request: Params) -> Params:
    """Those of the account, those of users that were set, or both."""
    check_service(request)
    level, only = request.get("QuotaAppliedAtLevel", "ACCOUNT"), request.get("QuotaCode")
    known = {(record.name, record.key.parent): record for record in every(call, quota.KIND)}
    wanted = [] if level == "RESOURCE" else [(name, "") for name in names().values()]
    if level != "ACCOUNT":
        wanted += [place for place in sorted(known) if place[1]]
    found = [
        _view(call, name, known.get((name, user)), user) for name, user in wanted if only in (None, quota.code_of(name))
    ]
    return page(request, found, "Quotas")


@operations
def list_aws_default_service_quotas(call: Call, request: Params) -> Params:
    check_service(request)
    return page(request, [_view(call, name, None) for name in names().values()], "Quotas")


def every(call: Call, kind: str) -> Iterator[Record]:
    """All records of a kind in this account and region."""
    return call.store.every(Query(call.account, call.region, kind))


def _view(call: Call, name: str, record: Record | None, user: str = "") -> Params:
    return {
        **head(call, name, user),
        "Value": quota.UNLIMITED if record is None else record.spec["Value"],
        "Adjustable": True,
        "QuotaAppliedAtLevel": "RESOURCE" if user else "ACCOUNT",
    }
