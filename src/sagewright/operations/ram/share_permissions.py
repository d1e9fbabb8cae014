"""Managed permissions: those of AWS's that there are, and which of them a resource share has."""

from __future__ import annotations

from dataclasses import replace

from sagewright.operations.call import Call, Params
from sagewright.operations.ram.common import (
    every,
    invalid,
    page,
    permission_named,
    share_named,
    token_of,
)
from sagewright.operations.ram.managed import VERSION, Permission, permissions, type_named, types
from sagewright.operations.ram.shares import changed
from sagewright.operations.table import Operations
from sagewright.resources.record import Record
from sagewright.resources.resource_share import RESOURCE, SHARE, share_arn

operations = Operations()


@operations
def associate_resource_share_permission(call: Call, request: Params) -> Params:
    """A share has one permission for each type: another takes its place only where the request says `replace`."""
    permission = permission_named(request["permissionArn"], request.get("permissionVersion"))
    if request.get("permissionTemplateParameters"):
        raise invalid("No permission here has template parameters. Leave permissionTemplateParameters out.")

    def associate(share: Record) -> Record:
        held = share.spec["permissions"]
        if held.get(permission.type, permission.arn) != permission.arn and not request.get("replace"):
            raise invalid(
                f"The resource share has the permission {held[permission.type]} for {permission.type} already. Say "
                "replace to have the other one in its place."
            )
        return _with(call, share, {**held, permission.type: permission.arn})

    changed(call, request["resourceShareArn"], associate)
    return {"returnValue": True, **token_of(request)}


@operations
def disassociate_resource_share_permission(call: Call, request: Params) -> Params:
    permission = permission_named(request["permissionArn"])

    def disassociate(share: Record) -> Record:
        held = share.spec["permissions"]
        if held.get(permission.type) != permission.arn:
            raise invalid(f"The resource share does not have the permission {permission.arn}.")
        if any(each.spec["type"] == permission.type for each in every(call, RESOURCE, share.name)):
            raise invalid(
                f"The resource share has resources of {permission.type}, which need a permission. Replace it by "
                "another one, or disassociate the resources first."
            )
        return _with(call, share, {name: arn for name, arn in held.items() if arn != permission.arn})

    changed(call, request["resourceShareArn"], disassociate)
    return {"returnValue": True, **token_of(request)}


@operations
def list_resource_share_permissions(call: Call, request: Params) -> Params:
    share = share_named(call, request["resourceShareArn"])
    held = [permissions()[arn] for arn in share.spec["permissions"].values()]
    return page("permissions", [([each.name], each.view()) for each in held], request)


@operations
def list_permissions(call: Call, request: Params) -> Params:
    """All are AWS's: customer managed ones cannot be made here."""
    wanted = type_named(request["resourceType"]) if "resourceType" in request else None
    if "resourceType" in request and wanted is None:
        raise invalid(f"Resource type {request['resourceType']} cannot be shared here. See ListResourceTypes.")
    rows = [
        ([each.type, each.name], each.view())
        for each in permissions().values()
        if (wanted is None or each.type == wanted.name)
        and request.get("permissionType", "ALL") != "CUSTOMER_MANAGED"
        and request.get("permissionStatus", "ATTACHABLE") == "ATTACHABLE"
        and request.get("resourceOwner") is None  # they are AWS's, and nobody shares others with this account
    ]
    return page("permissions", rows, request)


@operations
def get_permission(call: Call, request: Params) -> Params:
    if request.get("permissionTemplateParameters"):
        raise invalid("No permission here has template parameters. Leave permissionTemplateParameters out.")
    found = permission_named(request["permissionArn"], request.get("permissionVersion"))
    return {"permission": {**found.view(), "permission": found.template}}


@operations
def list_permission_versions(call: Call, request: Params) -> Params:
    return page("permissions", [([1], permission_named(request["permissionArn"]).view())], request)


@operations
def list_permission_associations(call: Call, request: Params) -> Params:
    by, status = request.get("permissionArn"), request.get("associationStatus", "ASSOCIATED")
    wanted = None if by is None else permission_named(by, request.get("permissionVersion"))
    standard = request.get("featureSet", "STANDARD") == "STANDARD" and request.get("defaultVersion", True)
    rows = [
        ([share.created, share.name, arn], _association(share, permissions()[arn]))
        for share in every(call, SHARE)
        for name, arn in share.spec["permissions"].items()
        if (wanted is None or arn == wanted.arn)
        and request.get("resourceType", name).lower() == name.lower()
        and request.get("permissionVersion", VERSION) == VERSION
        and status == "ASSOCIATED"
        and standard
    ]
    return page("permissions", rows, request)


@operations
def list_resource_types(call: Call, request: Params) -> Params:
    if request.get("resourceRegionScope") == "GLOBAL":
        return {"resourceTypes": []}
    rows = [
        ([each.name], {"resourceType": each.name, "serviceName": "sagemaker", "resourceRegionScope": "REGIONAL"})
        for each in types().values()
    ]
    return page("resourceTypes", rows, request)


@operations
def list_replace_permission_associations_work(call: Call, request: Params) -> Params:
    """None: permissions are replaced share by share."""
    return {"replacePermissionAssociationsWorks": []}


def _with(call: Call, share: Record, held: Params) -> Record:
    return replace(share, spec={**share.spec, "permissions": held}, modified=call.now)


def _association(share: Record, permission: Permission) -> Params:
    return {
        "arn": permission.arn,
        "permissionVersion": str(VERSION),
        "defaultVersion": True,
        "resourceType": permission.type,
        "status": "ASSOCIATED",
        "featureSet": "STANDARD",
        "lastUpdatedTime": share.modified,
        "resourceShareArn": share_arn(share.key),
    }
