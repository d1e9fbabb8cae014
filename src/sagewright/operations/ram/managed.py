"""What can be shared, and AWS's managed permissions: what may be done with it. From `permissions.json`.

    {"sagemaker:FeatureGroup": {"arn": "feature-group", "identities": true, "permissions": {NAME: [ACTION, …], …}}}

    arn          the type in the resource's ARN
    identities   whether it may be shared with single users and roles, and not with whole accounts only
    below        whether what stands below it in ARNs is shared along
    permissions  the first is the one that a share has when none is chosen

Sources: "Enabling cross account access", "Share your feature group catalog", "Cross-Account Support for Pipelines" and
"Set up cross-account model card support" in the SageMaker Developer Guide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

from sagewright.operations.call import Params

_TABLE: Final = Path(__file__).with_name("permissions.json")
_PREFIX: Final = "arn:aws:ram::aws:permission/"
VERSION: Final = 1
"""The version that each of them has."""


@dataclass(frozen=True, slots=True)
class Permission:
    """A managed permission of AWS's."""

    name: str
    type: str
    """The resource type that it is for."""
    actions: Sequence[str]
    default: bool

    @property
    def arn(self) -> str:
        return _PREFIX + self.name

    @property
    def template(self) -> str:
        """The statement that shares make of it, without who and what."""
        return orjson.dumps({"Effect": "Allow", "Action": list(self.actions)}).decode()

    def view(self) -> Params:
        """The members of its summary."""
        return {
            "arn": self.arn,
            "version": str(VERSION),
            "defaultVersion": True,
            "name": self.name,
            "resourceType": self.type,
            "status": "ATTACHABLE",
            "isResourceTypeDefault": self.default,
            "permissionType": "AWS_MANAGED",
            "featureSet": "STANDARD",
        }


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A type of resources that can be shared."""

    name: str
    """As RAM calls it: `sagemaker:FeatureGroup`."""
    kind: str
    """The type in its ARN, and the kind of its records."""
    identities: bool
    below: bool
    permissions: Sequence[Permission]

    @property
    def default(self) -> Permission:
        return self.permissions[0]


@cache
def types() -> Mapping[str, ResourceType]:
    """All of them, by the type in ARNs."""
    table: Mapping[str, Any] = orjson.loads(_TABLE.read_bytes())
    return {row["arn"]: _type(name, row) for name, row in table.items()}


@cache
def permissions() -> Mapping[str, Permission]:
    """All managed permissions, by ARN."""
    return {permission.arn: permission for each in types().values() for permission in each.permissions}


def type_named(name: str) -> ResourceType | None:
    """The type that RAM calls so; case does not count."""
    return next((each for each in types().values() if each.name.lower() == name.lower()), None)


def _type(name: str, row: Mapping[str, Any]) -> ResourceType:
    held = [
        Permission(title, name, actions, default=number == 0)
        for number, (title, actions) in enumerate(row["permissions"].items())
    ]
    return ResourceType(name, row["arn"], row.get("identities", False), row.get("below", False), held)
