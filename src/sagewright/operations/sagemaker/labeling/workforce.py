"""The private workforce of an account in a region: there is one at most."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, refuse_while, resource_in_use
from sagewright.operations.table import Operations
from sagewright.resources.record import Record

CROWD: Final = "private-crowd"
"""Stands in the ARNs of workforces and teams that are neither a vendor's nor the public's."""


def _missing(name: str, _arn: str) -> AwsError:
    return validation_error(f"No workforce with name {name} was found in this account and region.")


def _seen(record: Record) -> Params:
    """The client's secret is kept for signing workers in, and told to nobody."""
    oidc = record.spec.get("OidcConfig")
    if oidc is None:
        return {}
    return {"OidcConfig": {member: value for member, value in oidc.items() if member != "ClientSecret"}}


NOUN: Final = Noun(
    "Workforce",
    "workforce",
    _missing,
    resource_in_use("Workforce"),
    state_member="Status",
    created_member="CreateDate",
    modified_member="LastUpdatedDate",
    facets={"Arn": "WorkforceArn"},
    sorts={"CreateDate": "CreateDate"},
    also=_seen,
)
operations = Operations()
operations.add("list_workforces", NOUN.list)


@operations
def create_workforce(call: Call, request: Params) -> Params:
    if ("CognitoConfig" in request) == ("OidcConfig" in request):
        raise validation_error("Exactly one of CognitoConfig and OidcConfig must be given.")
    taken = AwsError("ResourceLimitExceeded", "This account has a workforce in this region, and may have one only.")
    if call.store.get(NOUN.key(call, request["WorkforceName"])) is None:
        refuse_while(call, taken, NOUN)
    arn = NOUN.arn(call, request["WorkforceName"], CROWD)
    return NOUN.answer(call, NOUN.create(call, request, arn=arn, state="Active"))


@operations
def describe_workforce(call: Call, request: Params) -> Params:
    return {"Workforce": NOUN.view(NOUN.named(call, request))}


@operations
def update_workforce(call: Call, request: Params) -> Params:
    given = {member: value for member, value in request.items() if member != "WorkforceName"}

    def update(record: Record) -> Record:
        if "OidcConfig" in given and "OidcConfig" not in record.spec:
            raise validation_error(f"The workforce {record.name} signs in with Cognito. Make another one for OIDC.")
        return replace(record, spec={**record.spec, **given})

    return {"Workforce": NOUN.view(NOUN.amend(call, request["WorkforceName"], update))}


@operations
def delete_workforce(call: Call, request: Params) -> Params:
    def check(record: Record) -> None:
        used = validation_error(f"The workforce {record.name} has work teams. Delete them first.")
        refuse_while(call, used, "workteam", facets={"WorkforceArn": record.status["WorkforceArn"]})

    NOUN.remove(call, NOUN.named(call, request), check)
    return {}
