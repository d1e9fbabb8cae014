"""User profiles: a person's settings within a domain."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, refuse_while, resource_in_use, resource_not_found
from sagewright.operations.sagemaker.studio import domain
from sagewright.operations.sagemaker.studio.references import check_references
from sagewright.operations.sagemaker.studio.settings import laid_over
from sagewright.resources.record import Record

NOUN: Final = Noun(
    "UserProfile",
    "user-profile",
    resource_not_found("UserProfile"),
    resource_in_use("UserProfile"),
    parents=("DomainId",),
    state_member="Status",
    facets={"DomainId": "DomainId"},
)
operations = NOUN.operations()

_OF_ONE: Final = (("app", "apps", "UserProfileName"), ("space", "spaces", "Owner"))


@operations
def create_user_profile(call: Call, request: Params) -> Params:
    if "SingleSignOnUserIdentifier" in request or "SingleSignOnUserValue" in request:
        raise validation_error("This domain's AuthMode is IAM: leave SingleSignOnUserIdentifier and -Value out.")
    domain.NOUN.named(call, request)
    check_references(call, request.get("UserSettings"))
    record = NOUN.create(call, request, state="InService", under=lambda: domain.NOUN.named(call, request))
    return NOUN.answer(call, record)


@operations
def update_user_profile(call: Call, request: Params) -> Params:
    given = request.get("UserSettings")
    check_references(call, given)

    def update(record: Record) -> Record:
        if given is None:
            return record
        return replace(record, spec={**record.spec, "UserSettings": laid_over(record.spec.get("UserSettings"), given)})

    return NOUN.answer(call, NOUN.amend(call, request["UserProfileName"], update, request["DomainId"]))


@operations
def delete_user_profile(call: Call, request: Params) -> Params:
    def unused(record: Record) -> None:
        for kind, what, member in _OF_ONE:
            sentence = f"Unable to delete UserProfile [{record.name}]: it has {what}. Delete these first."
            own = {"DomainId": record.key.parent, member: record.name}
            refuse_while(call, AwsError("ResourceInUse", sentence), kind, facets=own)

    NOUN.remove(call, NOUN.named(call, request), unused)
    return {}
