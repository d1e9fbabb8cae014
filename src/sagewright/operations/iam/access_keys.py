"""Users' access keys. A record has everything but the secret, which is derived from its id (see STS's credentials)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.iam.entities import USER, caller_or_named
from sagewright.operations.iam.paging import page
from sagewright.operations.iam.records import (
    ACCESS_KEY,
    key,
    limit_exceeded,
    no_such_entity,
    together,
    touch,
)
from sagewright.operations.sts.root_keys import key_id
from sagewright.operations.table import Operations
from sagewright.resources.record import Record
from sagewright.store.base import Query, Write

operations = Operations()

PER_USER: Final = 2
"""How many keys a user may have: one in use, and the one that replaces it."""


@operations
def create_access_key(call: Call, request: Params) -> Params:
    """The only answer that holds the secret."""
    if _of_root(call, request):
        raise AwsError("AccessDenied", "The root user has one key. `sagewright keys rotate` replaces it.", status=403)
    identity = key_id("AKIA")

    def writes() -> list[Write]:
        user = USER.find(call, caller_or_named(call, request))
        if len([*of_user(call, user.name)]) >= PER_USER:
            raise limit_exceeded(f"Cannot exceed quota for AccessKeysPerUser: {PER_USER}")
        made = Record(
            key(call.account, ACCESS_KEY, identity),
            uid=call.services.ids.uuid(),
            created=float(int(call.now)),
            modified=call.now,
            spec={"UserName": user.name, "Status": "Active"},
            facets={"UserName": user.name},
        )
        # The user is written too: of two keys made at once, the second finds the first.
        return [("create", made), touch(user)]

    made = together(call.store, writes)[0]
    return {"AccessKey": {**_view(made), "SecretAccessKey": call.services.credentials.user_secret(identity)}}


@operations
def list_access_keys(call: Call, request: Params) -> Params:
    if _of_root(call, request):
        mine = {"AccessKeyId": call.services.credentials.root()[0], "Status": "Active"}
        return {"AccessKeyMetadata": [mine], "IsTruncated": False}
    user = USER.find(call, caller_or_named(call, request))
    shown, more = page([*of_user(call, user.name)], request, "AccessKeyMetadata", lambda record: record.name)
    return {"AccessKeyMetadata": [_view(record) for record in shown], **more}


@operations
def update_access_key(call: Call, request: Params) -> Params:
    found = _find(call, request)
    status = request["Status"]
    if status not in ("Active", "Inactive"):
        raise AwsError("ValidationError", "Sagewright's keys are Active or Inactive; none expires by itself.")
    call.store.amend(
        found.key, lambda record: replace(record, spec={**record.spec, "Status": status}, modified=call.now)
    )
    return {}


@operations
def delete_access_key(call: Call, request: Params) -> Params:
    together(call.store, lambda: [("delete", _find(call, request))])
    return {}


@operations
def get_access_key_last_used(call: Call, request: Params) -> Params:
    record = call.store.get(key(call.account, ACCESS_KEY, request["AccessKeyId"]))
    if record is None:
        raise _no_such_key(request)
    used = call.services.credentials.last_used.of(record)
    told: dict[str, Any] = {"ServiceName": "N/A", "Region": "N/A"}
    if used:
        told = {"LastUsedDate": used["Date"], "ServiceName": used["ServiceName"], "Region": used["Region"]}
    return {"UserName": record.spec["UserName"], "AccessKeyLastUsed": told}


def of_user(call: Call, name: str) -> Iterator[Record]:
    """A user's keys, by their ids."""
    return call.store.every(Query(call.account, "", ACCESS_KEY, facets={"UserName": name}))


def renaming(call: Call, old: str, new: str) -> Iterator[Write]:
    """The writes that go with a user's new name."""
    for record in of_user(call, old):
        yield "update", replace(record, spec={**record.spec, "UserName": new}, facets={"UserName": new})


def _of_root(call: Call, request: Params) -> bool:
    return "UserName" not in request and call.principal.kind == "root"


def _find(call: Call, request: Params) -> Record:
    user = USER.find(call, _owner(call, request))
    record = call.store.get(key(call.account, ACCESS_KEY, request["AccessKeyId"]))
    if record is None or record.spec["UserName"] != user.name:
        raise _no_such_key(request)
    return record


def _owner(call: Call, request: Params) -> str:
    """Without a user's name, the key itself says whose it is, if the caller is root; else the caller's it must be."""
    record = call.store.get(key(call.account, ACCESS_KEY, request["AccessKeyId"]))
    if _of_root(call, request) and record is not None:
        name: str = record.spec["UserName"]
        return name
    if _of_root(call, request):
        raise _no_such_key(request)
    return caller_or_named(call, request)


def _no_such_key(request: Params) -> AwsError:
    return no_such_entity(f"The Access Key with id {request['AccessKeyId']} cannot be found.")


def _view(record: Record) -> Params:
    return {
        "UserName": record.spec["UserName"],
        "AccessKeyId": record.name,
        "Status": record.spec["Status"],
        "CreateDate": record.created,
    }
