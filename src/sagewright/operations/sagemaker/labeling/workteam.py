"""Work teams: groups of the workforce's members."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.labeling import workforce
from sagewright.operations.sagemaker.noun import Noun, refuse_while, resource_in_use
from sagewright.operations.table import Operations
from sagewright.resources.record import Record
from sagewright.store.base import Query


def _missing(name: str, _arn: str) -> AwsError:
    return validation_error(f"The work team {name} does not exist.")


NOUN: Final = Noun(
    "Workteam",
    "workteam",
    _missing,
    resource_in_use("Work team"),
    created_member="CreateDate",
    modified_member="LastUpdatedDate",
    facets={"Arn": "WorkteamArn", "WorkforceArn": "WorkforceArn"},
    sorts={"CreateDate": "CreateDate"},
)
operations = Operations()
operations.add("list_workteams", NOUN.list)


@operations
def create_workteam(call: Call, request: Params) -> Params:
    _check_members(request)
    host = _workforce(call, request)
    record = NOUN.create(
        call,
        {member: value for member, value in request.items() if member != "WorkforceName"},
        arn=NOUN.arn(call, request["WorkteamName"], workforce.CROWD),
        status={"WorkforceArn": host.status["WorkforceArn"]} if host is not None else {},
        under=None if host is None else lambda: workforce.NOUN.find(call, host.name),
    )
    return NOUN.answer(call, record)


@operations
def describe_workteam(call: Call, request: Params) -> Params:
    return {"Workteam": NOUN.view(NOUN.named(call, request))}


@operations
def update_workteam(call: Call, request: Params) -> Params:
    _check_members(request)
    return {"Workteam": NOUN.view(NOUN.merge(call, request))}


@operations
def delete_workteam(call: Call, request: Params) -> Params:
    def check(record: Record) -> None:
        used = AwsError("ResourceInUse", f"The work team {record.name} is used by a flow definition or labeling job.")
        for kind in ("flow-definition", "labeling-job"):
            refuse_while(call, used, kind, facets={"WorkteamArn": record.status["WorkteamArn"]})

    NOUN.remove(call, NOUN.named(call, request), check)
    return {"Success": True}


def _workforce(call: Call, request: Params) -> Record | None:
    """The one that is named, else the region's own, else none: Cognito groups may stand for themselves."""
    if "WorkforceName" in request:
        return workforce.NOUN.find(call, request["WorkforceName"])
    found = call.store.list(Query(call.account, call.region, workforce.NOUN.kind), limit=1).records
    return found[0] if found else None


def _check_members(request: Params) -> None:
    kinds = {kind for member in request.get("MemberDefinitions", ()) for kind in member}
    if len(kinds) > 1:
        raise validation_error("All members of a work team sign in the same way: with Cognito, or with OIDC.")
    if any(not member for member in request.get("MemberDefinitions", ())):
        raise validation_error("A member definition needs a CognitoMemberDefinition or an OidcMemberDefinition.")
