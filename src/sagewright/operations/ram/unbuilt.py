"""What Resource Access Manager does on AWS and not here."""

from __future__ import annotations

from collections.abc import Mapping

_OWN = "keep permissions of customers: choose one of AWS's, which ListPermissions has"
_POLICIES = "make shares of policies: create a resource share (CreateResourceShare)"


def unbuilt() -> Mapping[str, str]:
    """By operation: completes "Sagewright does not … yet"."""
    return {
        "CreatePermission": _OWN,
        "CreatePermissionVersion": _OWN,
        "DeletePermission": _OWN,
        "DeletePermissionVersion": _OWN,
        "PromotePermissionCreatedFromPolicy": _POLICIES,
        "PromoteResourceShareCreatedFromPolicy": _POLICIES,
        "ReplacePermissionAssociations": "replace a permission in all shares at once: go through them with "
        "AssociateResourceSharePermission",
        "SetDefaultPermissionVersion": _OWN,
        "UpdatePermission": _OWN,
    }
