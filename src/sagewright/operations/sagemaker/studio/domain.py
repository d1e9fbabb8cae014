"""Studio domains: who works there and with which settings. Several per account; their names need not differ."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, refuse_while, resource_in_use, resource_not_found
from sagewright.operations.sagemaker.studio.references import check_references
from sagewright.operations.sagemaker.studio.settings import laid_over
from sagewright.resources.record import Record

NOUN: Final = Noun(
    "Domain",
    "domain",
    resource_not_found("Domain"),
    resource_in_use("Domain"),
    name_member="DomainId",
    state_member="Status",
)
operations = NOUN.operations()

_DEFAULTS: Final = {"AppNetworkAccessType": "PublicInternetOnly", "TagPropagation": "DISABLED"}
_SETTINGS: Final = ("DefaultUserSettings", "DefaultSpaceSettings")
_WITHIN: Final = {"app": "apps", "space": "spaces", "user-profile": "user profiles"}


@operations
def create_domain(call: Call, request: Params) -> Params:
    if request["AuthMode"] != "IAM":
        raise validation_error("There is no IAM Identity Center here that users could come from. Use AuthMode IAM.")
    _check_network(request)
    check_references(call, *(request.get(member) for member in _SETTINGS), request.get("DomainSettings"))
    name = f"d-{call.services.ids.token(12)}"
    return NOUN.answer(call, NOUN.create(call, {**_DEFAULTS, **request}, name=name, state="InService"))


@operations
def update_domain(call: Call, request: Params) -> Params:
    domain_settings = request.get("DomainSettingsForUpdate")
    check_references(call, *(request.get(member) for member in _SETTINGS), domain_settings)

    def update(record: Record) -> Record:
        spec = {**record.spec, **request}
        spec.pop("DomainSettingsForUpdate", None)
        for member in _SETTINGS:
            if member in request:
                spec[member] = laid_over(record.spec.get(member), request[member])
        if domain_settings is not None:
            given = {member.removesuffix("ForUpdate"): value for member, value in domain_settings.items()}
            spec["DomainSettings"] = laid_over(record.spec.get("DomainSettings"), given)
        _check_network(spec)
        return replace(record, spec=spec)

    return NOUN.answer(call, NOUN.amend(call, request["DomainId"], update))


@operations
def delete_domain(call: Call, request: Params) -> Params:
    """RetentionPolicy is about the file system that AWS keeps homes in. There is none here, so nothing is left over."""

    def empty(domain: Record) -> None:
        for kind, what in _WITHIN.items():
            sentence = f"Unable to delete Domain [{domain.name}]: it has {what}. Delete these first."
            refuse_while(call, AwsError("ResourceInUse", sentence), kind, facets={"DomainId": domain.name})

    NOUN.remove(call, NOUN.named(call, request), empty)
    return {}


def _check_network(spec: Params) -> None:
    if spec.get("AppNetworkAccessType") == "VpcOnly" and not (spec.get("VpcId") and spec.get("SubnetIds")):
        raise validation_error("VpcId and SubnetIds are required when AppNetworkAccessType is VpcOnly.")
