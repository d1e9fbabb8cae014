"""Projects: what a template sets up for a model. Templates are not carried out yet, so none can be made."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, already_exists, tags_of
from sagewright.resources.record import Record


def _missing(name: str, _arn: str) -> AwsError:
    return validation_error(f"Project {name} does not exist.")


NOUN: Final = Noun("Project", "project", _missing, already_exists("Project"))
operations = NOUN.operations()

_TEMPLATES: Final = ("ServiceCatalogProvisioningDetails", "TemplateProviders")
_TEMPLATE_UPDATES: Final = ("ServiceCatalogProvisioningUpdateDetails", "TemplateProvidersToUpdate")


@operations
def create_project(call: Call, request: Params) -> Params:
    if sum(member in request for member in _TEMPLATES) != 1:
        raise validation_error(f"Exactly one of {' and '.join(_TEMPLATES)} must be given.")
    status: Params = {"ProjectId": f"p-{call.services.ids.token(12)}"}
    if "TemplateProviders" in request:
        details = [{"CfnTemplateProviderDetail": each["CfnTemplateProvider"]} for each in request["TemplateProviders"]]
        status["TemplateProviderDetails"] = details
    return NOUN.answer(call, NOUN.create(call, request, state="Pending", status=status))


@operations
def update_project(call: Call, request: Params) -> Params:
    asked = [member for member in _TEMPLATE_UPDATES if member in request]
    if asked:
        raise validation_error(f"Sagewright does not carry templates of projects out yet. Leave {asked[0]} out.")
    tags = tags_of(request)

    def update(record: Record) -> Record:
        given = {member: request[member] for member in ("ProjectDescription",) if member in request}
        return replace(record.tagged(tags), spec={**record.spec, **given})

    return NOUN.answer(call, NOUN.amend(call, request["ProjectName"], update))


@operations
def delete_project(call: Call, request: Params) -> Params:
    """Nothing was set up for it, so nothing has to be taken down first."""
    NOUN.remove(call, NOUN.named(call, request))
    return {}
