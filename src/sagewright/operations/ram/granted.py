"""What shares allow: the resource's policy that comes of them.

Only principals of this account are in it. They need no invitation, as on AWS: a user or role may what the permission
says, and what is shared with the account is left to its identity policies. Nobody of another account is in, since an
invitation can only be accepted by an account that there is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from sagewright.operations.ram.managed import permissions, types
from sagewright.operations.sagemaker import nouns
from sagewright.resources.arn import Arn
from sagewright.resources.record import Key, Record
from sagewright.resources.resource_share import ENTITY, PRINCIPAL, RESOURCE, SHARE
from sagewright.store.base import Query, Store


def policy(store: Store, account: str, text: str, *, by_id: bool) -> str | None:
    """The policy of a resource as JSON; None where nobody is let in.

    `text` is its ARN, or for what shares its access with what stands above it, that of something below. With `by_id`,
    users and roles stand in it as the ids that they have for good, so that others of the same name are not meant.
    """
    try:
        arn = Arn.parse(text)
    except ValueError:
        return None
    row = types().get(arn.type)
    if row is None or arn.account != account:
        return None
    if row.below:
        arn = arn._replace(resource="/".join(arn.resource.split("/")[:2]))
    # Most resources are shared with nobody, which is found out by the rarer of both.
    associations = [*_found(store, account, arn.region, RESOURCE, facets={ENTITY: str(arn).lower()})]
    record = nouns.find_by_arn(store, str(arn), account) if associations else None
    if record is None:
        return None
    statements = [
        statement
        for association in associations
        if association.spec["uid"] == record.uid
        for statement in _statements(store, association, by_id=by_id)
    ]
    return orjson.dumps({"Version": "2012-10-17", "Statement": statements}).decode() if statements else None


def _statements(store: Store, association: Record, *, by_id: bool) -> Iterator[dict[str, Any]]:
    account, region, _, name, arn = association.key
    share = store.get(Key(account, region, SHARE, "", name))
    if share is None:
        return
    named = [
        each.spec["id"] if by_id else each.name
        for each in _found(store, account, region, PRINCIPAL, parent=name)
        if "id" in each.spec
    ]
    if named:
        row = types()[Arn.parse(arn).type]
        yield {
            "Effect": "Allow",
            "Principal": {"AWS": [f"arn:aws:iam::{each}:root" if each == account else each for each in named]},
            "Action": list(permissions()[share.spec["permissions"][row.name]].actions),
            "Resource": [arn, f"{arn}/*"] if row.below else arn,
        }


def _found(store: Store, account: str, region: str, kind: str, **of: Any) -> Iterator[Record]:
    return store.every(Query(account, region, kind, **of))
