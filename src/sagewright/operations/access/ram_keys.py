"""Resource Access Manager's condition keys.

Keys: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsresourceaccessmanager.html
"""

from __future__ import annotations

from typing import Final

from sagewright.operations.access.request import Request, Source, Sources, Values
from sagewright.operations.ram.managed import permissions, types
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record
from sagewright.resources.resource_share import SHARE


def _share(request: Request) -> Record | None:
    """The share that a request is about."""
    if f":{SHARE}/" not in request.resource:
        return None
    return request.call.store.get(request.call.key(SHARE, request.resource.rpartition("/")[2]))


def _of_share(member: str) -> Source:
    def read(request: Request, _: str) -> Values:
        record = _share(request)
        return None if record is None else _texts(record.spec.get(member))

    return read


def _of_request(member: str) -> Source:
    return lambda request, _: _texts(request.params.get(member))


def _allows(request: Request, asked: str) -> Values:
    """Whether the share lets others in; a new one, whether it will."""
    if request.call.operation == "CreateResourceShare":
        return _texts(request.params.get("allowExternalPrincipals", True))
    return _of_share("allowExternalPrincipals")(request, asked)


def _types(request: Request, _: str) -> Values:
    found = []
    for text in request.params.get("resourceArns", ()):
        try:
            row = types().get(Arn.parse(text).type)
        except ValueError:
            continue
        found += [] if row is None else [row.name]
    return found or None


def _permission_type(request: Request, _: str) -> Values:
    found = permissions().get(request.params.get("permissionArn", ""))
    return None if found is None else [found.type]


def _texts(value: object) -> Values:
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, list):
        return [*map(str, value)] or None
    return None if value is None else [str(value)]


SOURCES: Final[Sources] = {
    "ram:principal": _of_request("principals"),
    "ram:resourcearn": _of_request("resourceArns"),
    "ram:requestedresourcetype": _types,
    "ram:requestedallowsexternalprincipals": _of_request("allowExternalPrincipals"),
    "ram:allowsexternalprincipals": _allows,
    "ram:resourcesharename": _of_share("name"),
    "ram:permissionarn": _of_request("permissionArn"),
    "ram:permissionresourcetype": _permission_type,
}
