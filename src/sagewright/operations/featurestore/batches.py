"""Records of feature groups: many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import orjson

from sagewright.base.errors import AwsError
from sagewright.dataplane.features.event_time import iso
from sagewright.dataplane.features.groups import Group
from sagewright.dataplane.features.tables import FIRST, LAST
from sagewright.operations.call import Call, Params
from sagewright.operations.featurestore.requests import (
    check_names,
    check_online,
    group_named,
    invalid,
    put_of,
    shown,
)
from sagewright.operations.table import Operations

operations = Operations()
LARGEST_ANSWER: Final = 16 * 1024 * 1024
"""Bytes of records that a batch answers with; what is beyond is named as unprocessed, to be asked for again."""
_PAGE: Final = 100
_READ_AT_ONCE: Final = 50
_LONGEST_TOKEN: Final = 20


@operations
async def batch_get_record(call: Call, request: Params) -> Params:
    """Records that are not there are left out."""
    groups: list[Group] = []
    for wanted in request["Identifiers"]:
        group = await group_named(call, wanted["FeatureGroupName"])
        check_online(group)
        check_names(group, wanted.get("FeatureNames"))
        groups.append(group)
    expiry = request.get("ExpirationTimeResponse") == "Enabled"
    # A hundred records are a tenth of a megabyte: they are JSON already, and are put together once.
    pieces: list[bytes] = []
    unprocessed: list[Params] = []
    room = LARGEST_ANSWER
    for wanted, group in zip(request["Identifiers"], groups, strict=True):
        identifiers: Sequence[str] = list(dict.fromkeys(wanted["RecordIdentifiersValueAsString"]))
        begun = (
            b'{"FeatureGroupName":' + orjson.dumps(wanted["FeatureGroupName"]) + b',"RecordIdentifierValueAsString":'
        )
        while identifiers and room > 0:
            some = identifiers[:_READ_AT_ONCE]
            kept = await call.services.features.files.read(group.uid, some)
            for identifier in some:
                if (found := kept.get(identifier)) is None:
                    continue
                record = shown(found, wanted.get("FeatureNames"))
                pieces += (begun, orjson.dumps(identifier), b',"Record":', record)
                if expiry and found.expires is not None:
                    pieces += (b',"ExpiresAt":', orjson.dumps(iso(found.expires)))
                pieces.append(b"},")
                room -= len(found.data)
            identifiers = identifiers[_READ_AT_ONCE:]
        if identifiers:
            unprocessed.append({**wanted, "RecordIdentifiersValueAsString": identifiers})
    if pieces:
        pieces[-1] = b"}"
    records = orjson.Fragment(b"".join((b"[", *pieces, b"]")))
    return {"Records": records, "Errors": [], "UnprocessedIdentifiers": unprocessed}


@operations
async def batch_write_record(call: Call, request: Params) -> Params:
    """Each entry is put or refused for itself; entries of one group share a sync of the disk."""
    groups = [await group_named(call, entry["FeatureGroupName"]) for entry in request["Entries"]]
    errors = await asyncio.gather(
        *(_put(call, group, request, entry) for group, entry in zip(groups, request["Entries"], strict=True))
    )
    return {"Errors": [each for each in errors if each is not None], "UnprocessedEntries": []}


async def _put(call: Call, group: Group, request: Params, entry: Params) -> Params | None:
    """Put an entry; what is to be said of one that was refused."""
    try:
        change = put_of(call, group, entry, request.get("TtlDuration"))
    except AwsError as error:
        return {"Entry": entry, "ErrorCode": error.code, "ErrorMessage": error.message}
    await call.services.features.files.change(group.uid, change)
    return None


@operations
async def list_records(call: Call, request: Params) -> Params:
    group = await group_named(call, request["FeatureGroupName"])
    check_online(group)
    most = request.get("MaxResults", _PAGE)
    after = _read_token(request["NextToken"]) if "NextToken" in request else FIRST
    deleted = request.get("IncludeSoftDeletedRecords", False)
    found = await call.services.features.files.listed(group.uid, after, most + 1, deleted=deleted)
    answer: Params = {"RecordIdentifiers": [identifier for _, identifier in found[:most]]}
    if len(found) > most:
        answer["NextToken"] = str(found[most - 1][0])
    return answer


def _read_token(token: str) -> int:
    if len(token) <= _LONGEST_TOKEN and token.isascii() and token.removeprefix("-").isdigit():
        place = int(token)
        if FIRST <= place <= LAST:
            return place
    raise invalid("NextToken is none that this operation gave.")
