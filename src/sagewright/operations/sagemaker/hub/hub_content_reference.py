"""References to contents of SageMaker's public hub: contents of type ModelReference, without a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.hub import hub, hub_content
from sagewright.operations.sagemaker.noun import together
from sagewright.operations.table import Operations
from sagewright.store.base import Write

operations = Operations()
_RENAMED: Final = {"MinVersion": "ReferenceMinVersion"}


@operations
def create_hub_content_reference(call: Call, request: Params) -> Params:
    """Named after what it refers to, unless it gets a name."""
    _, _, of_type = request["SageMakerPublicHubContentArn"].partition(":hub-content/")
    given = {_RENAMED.get(member, member): value for member, value in request.items()}
    spec = {"HubContentName": of_type.split("/")[2], **given, "HubContentType": hub_content.REFERENCE}
    _, spec = hub.within(call, spec)
    if hub_content.versions(call, spec):
        raise AwsError("ResourceInUse", f"Hub content reference {spec['HubContentName']} already exists.")
    return hub_content.NOUN.answer(call, hub_content.add(call, spec))


@operations
def update_hub_content_reference(call: Call, request: Params) -> Params:
    _check_type(request)
    _, named = hub.within(call, request)
    newest = hub_content.find(call, named)
    given = {_RENAMED.get(member, member): value for member, value in named.items()}
    changed = hub_content.NOUN.merge(call, {**given, "HubContentVersion": newest.name})
    return hub_content.NOUN.answer(call, changed)


@operations
def delete_hub_content_reference(call: Call, request: Params) -> Params:
    _check_type(request)

    def everything() -> Sequence[Write]:
        of, named = hub.within(call, request)
        hub_content.find(call, named)
        return (*(("delete", each) for each in hub_content.versions(call, named)), ("update", of))

    together(call.store, everything)
    return {}


def _check_type(request: Params) -> None:
    if request["HubContentType"] != hub_content.REFERENCE:
        raise validation_error(f"HubContentType must be {hub_content.REFERENCE}: the operation is about references.")
