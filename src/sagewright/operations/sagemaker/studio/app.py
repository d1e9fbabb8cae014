"""Apps of Studio: a user's or a space's. They are not run yet, so those that are there wait as `Pending`."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import output_of, project
from sagewright.operations.sagemaker.noun import Noun, record_not_found, resource_in_use
from sagewright.operations.sagemaker.studio import space, user_profile
from sagewright.operations.sagemaker.studio.references import check_references
from sagewright.resources.record import Record

NOUN: Final = Noun(
    "App",
    "app",
    record_not_found(),
    resource_in_use("App"),
    parents=("DomainId", "owner", "AppType"),
    state_member="Status",
    facets={"DomainId": "DomainId", "SpaceName": "SpaceName", "UserProfileName": "UserProfileName"},
    filters={
        "DomainIdEquals": "DomainId",
        "SpaceNameEquals": "SpaceName",
        "UserProfileNameEquals": "UserProfileName",
    },
)
operations = NOUN.operations(but=("describe_app",))


@operations
def create_app(call: Call, request: Params) -> Params:
    request = _owned(request)

    def under() -> Record:
        noun = space.NOUN if "SpaceName" in request else user_profile.NOUN
        return noun.find(call, request["owner"], request["DomainId"])

    under()
    check_references(call, request.get("ResourceSpec"))
    return NOUN.answer(call, NOUN.create(call, request, state="Pending", under=under))


@operations
def describe_app(call: Call, request: Params) -> Params:
    return project(NOUN.view(NOUN.named(call, _owned(request))), output_of(call))


@operations
def delete_app(call: Call, request: Params) -> Params:
    NOUN.remove(call, NOUN.named(call, _owned(request)))
    return {}


def _owned(request: Params) -> Params:
    """The request with the name of the user profile or the space that the app belongs to."""
    if ("UserProfileName" in request) == ("SpaceName" in request):
        raise validation_error("Exactly one of UserProfileName and SpaceName must be given: the app belongs to it.")
    return {**request, "owner": request.get("UserProfileName") or request["SpaceName"]}
