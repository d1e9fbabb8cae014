"""MLflow apps: named by their ARNs. They are not run yet: one that was made waits as `Creating`."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import equals
from sagewright.operations.sagemaker.noun import Noun, resource_not_found
from sagewright.operations.sagemaker.roles import check_role
from sagewright.operations.sagemaker.studio import domain


def _exists(_name: str, arn: str) -> AwsError:
    return AwsError("ConflictException", f"MLflow app {arn} already exists.")


NOUN: Final = Noun(
    "MlflowApp",
    "mlflow-app",
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
operations = NOUN.operations(delete=True)


@operations
def create_mlflow_app(call: Call, request: Params) -> Params:
    check_role(call, request["RoleArn"])
    _check_domains(call, request)
    name = f"app-{call.services.ids.token(12)}"
    return NOUN.answer(call, NOUN.create(call, request, name=name, state="Creating"))


@operations
def update_mlflow_app(call: Call, request: Params) -> Params:
    _check_domains(call, request)
    return NOUN.answer(call, NOUN.merge(call, request))


def _check_domains(call: Call, request: Params) -> None:
    for name in request.get("DefaultDomainIdList", ()):
        domain.NOUN.find(call, name)
