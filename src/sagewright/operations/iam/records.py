"""Where IAM's records are. Policies of the account are kept by path-less name, which IAM keeps unique."""

from __future__ import annotations

import secrets
from typing import Final

from sagewright.resources.arn import Arn
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store

ROLE: Final = "iam-role"
POLICY: Final = "iam-policy"
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def key(account: str, kind: str, name: str) -> Key:
    """The key of a role or policy."""
    return Key(account, "", kind, "", name)


def find_role(store: Store, account: str, role_arn: str) -> Record | None:
    """The role of an ARN, whose path must be right too; None for anything that is no role of this account."""
    try:
        arn = Arn.parse(role_arn)
    except ValueError:
        return None
    role = store.get(key(account, ROLE, arn.resource.rpartition("/")[2]))
    return role if role is not None and role.status["Arn"] == role_arn else None


def unique_id(prefix: str) -> str:
    """An id that no other principal or policy ever had: `AROA…` for roles, `ANPA…` for policies."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(17))
