"""Spark's history servers: begun for who asks about event logs, shared by nobody else.

AWS has no operation for it: its SDK starts a container of the caller's own. Here the console and the command line ask,
again and again until it serves.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace
from typing import Final

import orjson

from sagewright.base.errors import AlreadyExists, AwsError, StaleRecord, validation_error
from sagewright.dataplane.objects.values import NoSuchBucket, split_uri
from sagewright.operations.access import caller
from sagewright.operations.access.caller import Caller
from sagewright.operations.call import Call, Params, Principal
from sagewright.operations.sagemaker.notebooks import addresses
from sagewright.operations.tracking import sessions
from sagewright.resources.record import Key, Record
from sagewright.resources.spark_history_server import KIND
from sagewright.store.base import Query

AT_ONCE: Final = 8
"""History servers of a region: each takes some hundred megabytes."""


def ask(call: Call, uri: str) -> Params:
    """The Status of the caller's history server for the event logs below an address in S3: Starting, or InService with
    an AuthorizedUrl that holds once. One is begun where there is none.

    Raises AwsError where the caller may not read there, and with what one that has failed failed with.
    """
    place = _checked(call, uri)
    found = call.store.get(_key(call, place))
    if found is None:
        return _begun(call, place)
    if found.state == "Failed" and found.intent != "delete":
        with suppress(StaleRecord):  # who asks again begins another
            call.store.update(replace(found, intent="delete"))
        raise validation_error(found.status["FailureReason"])
    address = addresses.of(call, found.name, addresses.SPARK)
    if found.state != "InService" or address is None:
        return {"Status": "Starting"}
    return {"Status": "InService", "AuthorizedUrl": f"{address}?authToken={sessions.presigned(call, found)}"}


def may_look(call: Call, record: Record) -> AwsError | None:
    """Why the caller may not look at what a history server shows; None where they may."""
    try:
        _readable(Caller(call.services, call.principal, call.region), record.spec["S3Uri"])
    except AwsError as refusal:
        return refusal
    return None


def _checked(call: Call, uri: str) -> str:
    """The address without what it may be spelled with. Raises AwsError."""
    place = f"s3://{uri.partition('://')[2]}".rstrip("/") if uri.startswith(("s3://", "s3a://")) else uri
    try:
        split_uri(place)
    except ValueError:
        raise validation_error(f"{uri!r} is no address in S3: write it as s3://bucket/prefix.") from None
    if addresses.of(call, "x", addresses.SPARK) is None:
        raise validation_error(addresses.NO_SPARK_DOMAIN)
    _readable(Caller(call.services, call.principal, call.region), place)
    return place


def _readable(objects: Caller, place: str) -> None:
    """Raises AwsError where not even the first event log may be read."""
    bucket, prefix = split_uri(place)
    try:
        next(iter(objects.each(bucket, f"{prefix}/" if prefix else "")), None)
    except NoSuchBucket:
        raise AwsError("NoSuchBucket", f"There is no bucket {bucket}.", status=404) from None


def _begun(call: Call, place: str) -> Params:
    if call.store.count(Query(call.account, call.region, KIND)) >= AT_ONCE:
        message = f"There are {AT_ONCE} Spark history servers. Each ends soon when nobody looks at it: try again later."
        raise AwsError("ResourceLimitExceeded", message)
    spec = {"S3Uri": place, "caller": caller.written(call.principal)}
    with suppress(AlreadyExists):  # somebody was faster
        call.store.create(
            Record(_key(call, place), call.services.ids.uuid(), call.now, call.now, spec=spec, state="Starting")
        )
    return {"Status": "Starting"}


def _key(call: Call, place: str) -> Key:
    """One for each caller and address, so that each sees what they may read: two sessions may not the same."""
    said = orjson.dumps([_identity(call.principal), place])
    name = hashlib.sha256(said).hexdigest()[:24]
    return Key(call.account, call.region, KIND, "", name)


def _identity(principal: Principal) -> Params:
    """A caller but for when their session began, where nothing else tells it from others of the same name."""
    told = caller.written(principal)
    if told["session"] is not None:
        told["session"] = {**told["session"], "issued": 0}
    return told
