"""Where IAM's records are, what is in them, and the answers that its nouns share.

A role's spec holds the members of CreateRole, and beside them `Attached` (ARNs of managed policies) and `Inline`
(documents by name); its status holds `Arn` and `RoleId`. Users, groups and instance profiles likewise (`attached.py`
says what else). Names are unique in an account whatever the path, and also where only their case differs: beside each
record stands another under its name in lower case, written and deleted with it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AlreadyExists, AwsError, StaleRecord
from sagewright.resources.arn import Arn
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, Store, Write, attempts

ROLE: Final = "iam-role"
POLICY: Final = "iam-policy"
USER: Final = "iam-user"
GROUP: Final = "iam-group"
ACCESS_KEY: Final = "iam-access-key"
INSTANCE_PROFILE: Final = "iam-instance-profile"
OIDC_PROVIDER: Final = "iam-oidc-provider"
SAML_PROVIDER: Final = "iam-saml-provider"
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_TAGS: Final = 50


def key(account: str, kind: str, name: str) -> Key:
    """The key of one of IAM's records. IAM is global: it has no region."""
    return Key(account, "", kind, "", name)


def all_of(store: Store, account: str, kind: str) -> Iterator[Record]:
    """All records of a kind, by name."""
    return store.every(Query(account, "", kind))


def find_role(store: Store, account: str, role_arn: str) -> Record | None:
    """The role of an ARN, whose path must be right too; None for anything that is no role of this account."""
    return find_by_arn(store, account, ROLE, role_arn)


def find_by_arn(store: Store, account: str, kind: str, text: str) -> Record | None:
    """The record of an ARN; None for anything that is no ARN of this kind in this account."""
    try:
        arn = Arn.parse(text)
    except ValueError:
        return None
    # An OpenID Connect provider is named by its address, in which there may be slashes.
    name = arn.id if kind == OIDC_PROVIDER else arn.resource.rpartition("/")[2]
    record = store.get(key(account, kind, name))
    return record if record is not None and record.status["Arn"] == text else None


# Writes of several records at once.


def together(store: Store, writes: Callable[[], Sequence[Write]]) -> Sequence[Record]:
    """Read, decide, write all of it or nothing; again from the start when somebody wrote in between.

    What was only read, but must still be there, is written as well (`touch`). `writes` may run several times. Raises
    AlreadyExists.
    """
    for _ in attempts():
        decided = writes()
        try:
            return store.write(decided) if decided else ()
        except StaleRecord:
            continue
    raise AwsError("ConcurrentModification", "Others keep changing what this changes. Try again.", status=409)


def touch(record: Record) -> Write:
    """A write that changes nothing, but fails when the record is changed or deleted meanwhile."""
    return "update", record


def creation(record: Record) -> list[Write]:
    """The writes that create a record of a name which no other has, whatever its case."""
    return [("create", record), ("create", _guard(record))]


def deletion(store: Store, record: Record) -> list[Write]:
    """The writes that delete a record and free its name."""
    guard = store.get(_guard(record).key)
    return [("delete", record), *([("delete", guard)] if guard is not None else [])]  # type: ignore[list-item]


def renaming(store: Store, record: Record, name: str) -> list[Write]:
    """The writes that give a record another name."""
    renamed = replace(record, key=record.key._replace(name=name), version=0)
    if name.lower() == record.name.lower():
        return [("delete", record), ("create", renamed)]
    return [*deletion(store, record), *creation(renamed)]


def created(store: Store, record: Record, noun: str) -> Record:
    """The record, stored. Raises AwsError (EntityAlreadyExists)."""
    try:
        return store.write(creation(record))[0]
    except AlreadyExists:
        raise exists(f"{noun} with name {record.name} already exists.") from None


def _guard(record: Record) -> Record:
    place = record.key._replace(kind=f"{record.key.kind}-name", name=record.name.lower())
    return Record(place, uid=record.uid, created=record.created, modified=record.created)


def no_such_entity(message: str) -> AwsError:
    return AwsError("NoSuchEntity", message, status=404)


def conflict(message: str) -> AwsError:
    return AwsError("DeleteConflict", message, status=409)


def exists(message: str) -> AwsError:
    return AwsError("EntityAlreadyExists", message, status=409)


def limit_exceeded(message: str) -> AwsError:
    return AwsError("LimitExceeded", message, status=409)


def unique_id(prefix: str) -> str:
    """An id that nothing else ever had: `AROA…` for roles, `ANPA…` for policies, `AIDA…` for users and so on."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(17))


# Tags.


def tags_of(request: Mapping[str, Any], known: Mapping[str, str] | None = None) -> dict[str, str]:
    """The `Tags` of a request on top of those that are there. Raises AwsError (InvalidInput, LimitExceeded)."""
    given = [(tag["Key"], tag["Value"]) for tag in request.get("Tags", ())]
    if len({name.lower() for name, _ in given}) < len(given):
        raise AwsError("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    tags = {**(known or {}), **dict(given)}
    if len(tags) > _TAGS:
        raise limit_exceeded(f"The number of tags has reached the maximum limit of {_TAGS}.")
    return tags


def without_tags(request: Mapping[str, Any], record: Record) -> Record:
    """The record without the tags that an Untag… request names; IAM's keys differ by more than case."""
    gone = {name.lower() for name in request["TagKeys"]}
    return replace(record, tags={name: value for name, value in record.tags.items() if name.lower() not in gone})


def tag_list(tags: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
    """Tags as IAM's shapes hold them."""
    return [{"Key": name, "Value": tags[name]} for name in sorted(tags)]
