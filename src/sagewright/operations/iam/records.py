"""Where IAM's records are, what is in them, and the answers that roles and policies share.

A role's spec holds the members of CreateRole, and beside them `Attached` (ARNs of managed policies) and `Inline`
(documents by name); its status holds `Arn` and `RoleId`. Names are unique in an account whatever the path.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call
from sagewright.resources.arn import Arn
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, Store

ROLE: Final = "iam-role"
POLICY: Final = "iam-policy"
USER: Final = "iam-user"
GROUP: Final = "iam-group"
ACCESS_KEY: Final = "iam-access-key"
INSTANCE_PROFILE: Final = "iam-instance-profile"
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PAGE: Final = 1000
_TAGS: Final = 50


def key(account: str, kind: str, name: str) -> Key:
    """The key of a role or policy. IAM is global: it has no region."""
    return Key(account, "", kind, "", name)


def all_of(store: Store, account: str, kind: str) -> Iterator[Record]:
    """All roles or policies of an account, by name."""
    after: str | None = None
    while True:
        page = store.list(Query(account, "", kind), limit=_PAGE, after=after)
        yield from page.records
        if page.next is None:
            return
        after = page.next


def find_role(store: Store, account: str, role_arn: str) -> Record | None:
    """The role of an ARN, whose path must be right too; None for anything that is no role of this account."""
    try:
        arn = Arn.parse(role_arn)
    except ValueError:
        return None
    role = store.get(key(account, ROLE, arn.resource.rpartition("/")[2]))
    return role if role is not None and role.status["Arn"] == role_arn else None


def role_named(call: Call, name: str) -> Record:
    """Raises AwsError (NoSuchEntity)."""
    role = call.store.get(key(call.account, ROLE, name))
    if role is None:
        raise no_such_role(name)
    return role


def no_such_role(name: str) -> AwsError:
    return no_such_entity(f"The role with name {name} cannot be found.")


def no_such_entity(message: str) -> AwsError:
    return AwsError("NoSuchEntity", message, status=404)


def conflict(message: str) -> AwsError:
    return AwsError("DeleteConflict", message, status=409)


def exists(message: str) -> AwsError:
    return AwsError("EntityAlreadyExists", message, status=409)


def limit_exceeded(message: str) -> AwsError:
    return AwsError("LimitExceeded", message, status=409)


def unique_id(prefix: str) -> str:
    """An id that no other role (`AROA`) or policy (`ANPA`) ever had."""
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
