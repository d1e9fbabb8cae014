"""Hubs: collections of models, notebooks and other contents that an account shares with itself."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, refuse_while, resource_in_use, resource_not_found
from sagewright.resources.record import Record

NOUN: Final = Noun(
    "Hub",
    "hub",
    resource_not_found("Hub"),
    resource_in_use("Hub"),
    sorts={"AccountIdOwner": "AccountIdOwner"},  # the same for all that one account sees
)
operations = NOUN.operations()


@operations
def create_hub(call: Call, request: Params) -> Params:
    return NOUN.answer(call, NOUN.create(call, request, state="InService"))


@operations
def update_hub(call: Call, request: Params) -> Params:
    return NOUN.answer(call, NOUN.merge(call, request))


@operations
def delete_hub(call: Call, request: Params) -> Params:
    def empty(hub: Record) -> None:
        refusal = AwsError("ResourceInUse", f"Hub {hub.name} has contents. Delete these first.")
        refuse_while(call, refusal, "hub-content", facets={"HubName": hub.name})

    NOUN.remove(call, NOUN.named(call, request), empty)
    return {}


def within(call: Call, request: Params) -> tuple[Record, Params]:
    """The hub that a request names, and the request with the hub's name where its ARN may have been."""
    hub = NOUN.named(call, request)
    return hub, {**request, "HubName": hub.name}
