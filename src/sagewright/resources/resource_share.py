"""What Resource Access Manager keeps: shares, and what is associated with each."""

from __future__ import annotations

from typing import Final

from sagewright.resources.arn import Arn
from sagewright.resources.record import Key, Record

SHARE: Final = "resource-share"
"""Its name is an id; its spec holds `name`, `allowExternalPrincipals`, `permissions` (ARNs by resource type)."""
RESOURCE: Final = "resource-share-resource"
"""Under its share, by ARN. Its spec holds `type` and the `uid` of what was shared: another of the same name is not."""
PRINCIPAL: Final = "resource-share-principal"
"""Under its share, by account id or ARN. Its spec holds `id` for one of this account (what policies call a user or
role by for good), and `invited` (epoch seconds) for one of another."""
ENTITY: Final = "Entity"
"""The facet of an association: its name, of resources in lower case."""
INVITATION_SECONDS: Final = 12 * 3600
"""How long who is invited may think about it."""


def share_arn(key: Key) -> str:
    return str(Arn("aws", "ram", key.region, key.account, f"resource-share/{key.name}"))


def association_status(association: Record, now: float) -> str:
    """As RAM calls it: who is of another account is asked first, and left out again if there is no answer."""
    invited = association.spec.get("invited")
    if invited is None:
        return "ASSOCIATED"
    return "ASSOCIATING" if now < invited + INVITATION_SECONDS else "DISASSOCIATED"
