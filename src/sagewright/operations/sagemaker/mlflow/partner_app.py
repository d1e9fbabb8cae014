"""Applications of partners: named by their ARNs. They are not run yet: one that was made waits as `Creating`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, resource_not_found, tags_of
from sagewright.operations.sagemaker.roles import check_role
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record


def _exists(name: str, _arn: str) -> AwsError:
    return AwsError("ConflictException", f"A partner app named {name} already exists. Choose another name.")


NOUN: Final = Noun(
    "PartnerApp",
    "partner-app",
    resource_not_found("PartnerApp"),
    _exists,
    name_member="Arn",
    arn_member="Arn",
    state_member="Status",
    facets={"Arn": "Arn"},
)
operations = NOUN.operations(delete=True)

_NOT_SETTINGS: Final = ("Arn", "AppVersion", "ClientToken", "Tags")


@operations
def create_partner_app(call: Call, request: Params) -> Params:
    _check_auth(request)
    check_role(call, request["ExecutionRoleArn"])
    # Unlike other names in ARNs this id is in capitals.
    arn = Arn("aws", "sagemaker", call.region, call.account, f"partner-app/app-{call.services.ids.token(12).upper()}")
    return NOUN.answer(call, NOUN.create(call, request, name=request["Name"], arn=str(arn), state="Creating"))


@operations
def update_partner_app(call: Call, request: Params) -> Params:
    _check_auth(request)
    if "AppVersion" in request:
        raise validation_error("Sagewright does not run applications of partners yet, so there is no other version.")
    given = {member: value for member, value in request.items() if member not in _NOT_SETTINGS}
    tags = tags_of(request)

    def update(record: Record) -> Record:
        return replace(record.tagged(tags), spec={**record.spec, **given})

    return NOUN.answer(call, NOUN.amend(call, request["Arn"], update))


def _check_auth(request: Params) -> None:
    if request.get("AuthType") == "IDC" or "IdcConfig" in request:
        raise validation_error("There is no IAM Identity Center here that users could come from. Use AuthType IAM.")
