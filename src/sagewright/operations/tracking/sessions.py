"""How a browser comes to a tracking server, a notebook instance or Spark's history: a presigned address that holds
once, and the session that it opens.

Both are records that only who made them can find: their names are digests of random tokens. Each holds a ticket
(`operations/ecr/tickets.py`) of who asked for the address, so that what the browser may is what that caller may, as
policies stand when it asks.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from dataclasses import replace
from typing import Final

from sagewright.base.errors import AlreadyExists, AwsError, StaleRecord, validation_error
from sagewright.operations.call import Call, Params, Services
from sagewright.operations.ecr import tickets
from sagewright.operations.ecr.tickets import Ticket
from sagewright.resources import notebook_instance, spark_history_server
from sagewright.resources.mlflow_tracking_server import SESSION
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query

PREFIX: Final = "/_sagewright/mlflow"
_ADDRESS_SECONDS: Final = 300
_SESSION_SECONDS: Final = 43_200
_ADDRESS, _OPENED = "address", "opened"
_KINDS: Final = {
    # Add what browsers are led to here: the kind of its sessions, and what their tickets are for. Else it is MLflow's.
    notebook_instance.KIND: (notebook_instance.SESSION, "notebook"),
    spark_history_server.KIND: (spark_history_server.SESSION, "spark history"),
}


def place(record: Record) -> str:
    """The path under which a server's user interface is."""
    return f"{PREFIX}/{record.key.kind}/{record.key.region}/{record.name}/"


def address(call: Call, record: Record, request: Params) -> str:
    """A new presigned address. Raises a ValidationException while there is nobody who would answer it."""
    seconds = request.get("SessionExpirationDurationInSeconds", _SESSION_SECONDS)
    token = presigned(call, record, request.get("ExpiresInSeconds", _ADDRESS_SECONDS), seconds)
    return f"{call.host}{place(record)}auth?authToken={token}"


def presigned(
    call: Call, record: Record, expires_in: float = _ADDRESS_SECONDS, seconds: float = _SESSION_SECONDS
) -> str:
    """The token of a new presigned address, whose session holds for so many seconds. Raises a ValidationException while
    there is nobody who would answer it."""
    if "serving" not in record.status:
        raise validation_error(f"{record.name} is in status {record.state} and does not answer. Wait, or start it.")
    _forget_old(call, record)
    ticket, _ = tickets.issue(call, _purpose(record), expires_in + seconds)
    token = secrets.token_urlsafe(32)
    spec = {"ticket": ticket, "expires": call.now + expires_in, "seconds": seconds}
    call.store.create(
        Record(_key(record, token), call.services.ids.token(), call.now, call.now, spec=spec, state=_ADDRESS)
    )
    return token


def open_(services: Services, record: Record, token: str, *, again: bool = False) -> tuple[str, int] | None:
    """A session's token, and for how many seconds it holds, for an address's; None for one that was used or ran out.
    With `again` the address is not used up by this."""
    now = services.clock.now()
    found = services.store.get(_key(record, token))
    if found is None or found.state != _ADDRESS or found.spec["expires"] < now:
        return None
    opened = secrets.token_urlsafe(32)
    spec = {**found.spec, "expires": now + found.spec["seconds"]}
    session = replace(found, key=_key(record, opened), spec=spec, state=_OPENED, uid=services.ids.token(), version=0)
    try:
        services.store.write([("create", session)] if again else [("delete", found), ("create", session)])
    except (StaleRecord, AlreadyExists):
        return None  # somebody was faster
    return opened, found.spec["seconds"]


def visitor(services: Services, record: Record, token: str) -> Ticket | None:
    """Who a session's browser asks for; None where there is no such session, or its caller is no more."""
    now = services.clock.now()
    found = services.store.get(_key(record, token))
    if found is None or found.state != _OPENED or found.spec["expires"] < now:
        return None
    with suppress(AwsError):
        return tickets.check(services.credentials, found.spec["ticket"], _purpose(record), now=now)
    return None


def seconds_left(services: Services, record: Record, token: str) -> float:
    """How long a session holds yet; 0 for none."""
    found = services.store.get(_key(record, token))
    return 0.0 if found is None else max(0.0, found.spec["expires"] - services.clock.now())


def _forget_old(call: Call, record: Record) -> None:
    key = record.key
    query = Query(key.account, key.region, _kind(record), parent=record.uid)
    for each in call.store.list(query, limit=1000).records:
        if each.spec["expires"] < call.now:
            with suppress(StaleRecord):
                call.store.delete(each)


def _key(record: Record, token: str) -> Key:
    name = hashlib.sha256(token.encode()).hexdigest()
    return Key(record.key.account, record.key.region, _kind(record), record.uid, name)


def _kind(record: Record) -> str:
    return _KINDS.get(record.key.kind, (SESSION, ""))[0]


def _purpose(record: Record) -> str:
    _, what = _KINDS.get(record.key.kind, ("", "mlflow"))
    return f"{what}\0{record.uid}"
