"""Spaces: where apps keep their files, private to one user or shared by a domain's."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import at
from sagewright.operations.sagemaker.noun import Noun, refuse_while, resource_in_use, resource_not_found
from sagewright.operations.sagemaker.studio import domain, user_profile
from sagewright.operations.sagemaker.studio.references import check_references
from sagewright.operations.sagemaker.studio.settings import laid_over
from sagewright.resources.record import Record

_SUMMARIZED: Final = ("AppType", "RemoteAccess", "SpaceStorageSettings")


def _summaries(record: Record) -> Params:
    """What lists show of the settings."""
    settings = record.spec.get("SpaceSettings", {})
    return {
        "SpaceSettingsSummary": {member: settings[member] for member in _SUMMARIZED if member in settings} or None,
        "SpaceSharingSettingsSummary": record.spec.get("SpaceSharingSettings"),
        "OwnershipSettingsSummary": record.spec.get("OwnershipSettings"),
    }


NOUN: Final = Noun(
    "Space",
    "space",
    resource_not_found("Space"),
    resource_in_use("Space"),
    parents=("DomainId",),
    state_member="Status",
    facets={"DomainId": "DomainId", "Owner": "OwnershipSettings.OwnerUserProfileName"},
    also=_summaries,
)
operations = NOUN.operations()


@operations
def create_space(call: Call, request: Params) -> Params:
    if ("OwnershipSettings" in request) != ("SpaceSharingSettings" in request):
        raise validation_error("OwnershipSettings and SpaceSharingSettings belong together: give both or neither.")
    domain.NOUN.named(call, request)
    check_references(call, request.get("SpaceSettings"))
    owner = at(request, "OwnershipSettings.OwnerUserProfileName")

    def under() -> Record:
        if owner is None:
            return domain.NOUN.named(call, request)
        return user_profile.NOUN.find(call, owner, request["DomainId"])

    return NOUN.answer(call, NOUN.create(call, request, state="InService", under=under))


@operations
def update_space(call: Call, request: Params) -> Params:
    given: Params = {member: request[member] for member in ("SpaceSettings", "SpaceDisplayName") if member in request}
    check_references(call, given.get("SpaceSettings"))

    def update(record: Record) -> Record:
        spec = {**record.spec, **given}
        if "SpaceSettings" in given:
            spec["SpaceSettings"] = laid_over(record.spec.get("SpaceSettings"), given["SpaceSettings"])
        return replace(record, spec=spec)

    return NOUN.answer(call, NOUN.amend(call, request["SpaceName"], update, request["DomainId"]))


@operations
def delete_space(call: Call, request: Params) -> Params:
    def unused(record: Record) -> None:
        sentence = f"Unable to delete Space [{record.name}]: it has apps. Delete these first."
        own = {"DomainId": record.key.parent, "SpaceName": record.name}
        refuse_while(call, AwsError("ResourceInUse", sentence), "app", facets=own)

    NOUN.remove(call, NOUN.named(call, request), unused)
    return {}
