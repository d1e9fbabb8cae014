"""MLflow apps: tracking servers that are named by their ARNs and that nobody stops. They share a controller."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import equals
from sagewright.operations.sagemaker.mlflow import settings
from sagewright.operations.sagemaker.noun import Noun, resource_not_found
from sagewright.operations.sagemaker.roles import check_role
from sagewright.operations.sagemaker.studio import domain
from sagewright.operations.tracking import sessions
from sagewright.resources.mlflow_app import KIND, LIFE


def _exists(_name: str, arn: str) -> AwsError:
    return AwsError("ConflictException", f"MLflow app {arn} already exists.")


NOUN: Final = Noun(
    "MlflowApp",
    KIND,
    resource_not_found("MlflowApp"),
    _exists,
    name_member="Arn",
    arn_member="Arn",
    state_member="Status",
    facets={"AccountDefaultStatus": "AccountDefaultStatus"},
    filters={
        "AccountDefaultStatus": "AccountDefaultStatus",
        "DefaultForDomainId": lambda view, wanted: wanted in view.get("DefaultDomainIdList", ()),
        "MlflowVersion": equals("MlflowVersion"),
    },
    sorts={"Name": "Name"},
)
operations = NOUN.operations()

_WHAT: Final = "MLflow app"


@operations
def create_mlflow_app(call: Call, request: Params) -> Params:
    check_role(call, request["RoleArn"])
    settings.check(call, request)
    _check_domains(call, request)
    spec = {"ModelRegistrationMode": "AutoModelRegistrationDisabled", **request, "generation": 1}
    return NOUN.answer(call, NOUN.create(call, spec, name=f"app-{call.services.ids.token(12)}", state="Creating"))


@operations
def update_mlflow_app(call: Call, request: Params) -> Params:
    settings.check(call, request)
    _check_domains(call, request)
    given = {member: value for member, value in request.items() if member != "Arn"}
    return NOUN.answer(
        call, NOUN.amend(call, request["Arn"], lambda record: settings.updated(record, given, LIFE, _WHAT))
    )


@operations
def delete_mlflow_app(call: Call, request: Params) -> Params:
    return NOUN.answer(call, NOUN.amend(call, request["Arn"], settings.change("delete", LIFE, _WHAT)))


@operations
def create_presigned_mlflow_app_url(call: Call, request: Params) -> Params:
    record = NOUN.named(call, request)
    return {"AuthorizedUrl": sessions.address(call, record, request)}


def _check_domains(call: Call, request: Params) -> None:
    for name in request.get("DefaultDomainIdList", ()):
        domain.NOUN.find(call, name)
