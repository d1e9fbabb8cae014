"""Managed policies: AWS's own, which come as data, and the account's, which are records. One view on both.

`managed_policies.json` maps a policy's name to its `Path`, `Description` and `Document`. The documents grant what AWS's
do, in a form of our own (`tools/managed_policies.py` writes them); their version numbers are not AWS's.
"""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

from sagewright.operations.iam.records import POLICY, key
from sagewright.resources.record import Record
from sagewright.store.base import Store

_DATA: Final = Path(__file__).with_name("managed_policies.json")
_AWS: Final = "arn:aws:iam::aws:policy"
_MADE: Final = 1_511_913_600.0
"""A time before anybody's account; the answers need one."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a policy."""

    id: str
    document: str
    created: float


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """A policy that can be attached."""

    arn: str
    name: str
    id: str
    path: str
    description: str
    created: float
    updated: float
    versions: Sequence[Version]
    """Oldest first."""
    default: str
    """The id of the version that counts."""
    tags: Mapping[str, str]
    record: Record | None
    """None for AWS's own."""

    @property
    def document(self) -> str:
        """The default version's."""
        return next(version.document for version in self.versions if version.id == self.default)

    def version(self, identity: str) -> Version | None:
        return next((version for version in self.versions if version.id == identity), None)


def find(store: Store, account: str, arn: str) -> ManagedPolicy | None:
    """The policy of an ARN; None if there is none."""
    if arn.startswith(f"{_AWS}/"):
        return aws_managed().get(arn)
    record = store.get(key(account, POLICY, arn.rpartition("/")[2]))
    return of(record) if record is not None and record.status["Arn"] == arn else None


def of(record: Record) -> ManagedPolicy:
    """The view on a record (see `policies.create_policy` for what is in one)."""
    spec, status = record.spec, record.status
    return ManagedPolicy(
        arn=status["Arn"],
        name=record.name,
        id=status["PolicyId"],
        path=spec["Path"],
        description=spec.get("Description", ""),
        created=record.created,
        updated=record.modified,
        versions=[Version(each["VersionId"], each["Document"], each["CreateDate"]) for each in spec["Versions"]],
        default=spec["Default"],
        tags=record.tags,
        record=record,
    )


@cache
def aws_managed() -> Mapping[str, ManagedPolicy]:
    """AWS's own policies by ARN."""
    rows: dict[str, dict[str, Any]] = orjson.loads(_DATA.read_bytes())
    return {policy.arn: policy for policy in (_shipped(name, row) for name, row in rows.items())}


def _shipped(name: str, row: Mapping[str, Any]) -> ManagedPolicy:
    arn = f"{_AWS}{row['Path']}{name}"
    return ManagedPolicy(
        arn=arn,
        name=name,
        id="ANPA" + b32encode(hashlib.sha256(arn.encode()).digest())[:17].decode(),
        path=row["Path"],
        description=row["Description"],
        created=_MADE,
        updated=_MADE,
        versions=[Version("v1", orjson.dumps(row["Document"], option=orjson.OPT_INDENT_2).decode(), _MADE)],
        default="v1",
        tags={},
        record=None,
    )
