"""MLflow tracking servers. `controllers/mlflow_tracking_server.py` makes them run, `edge/mlflow.py` leads to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import equals, output_of, project
from sagewright.operations.sagemaker.mlflow import settings
from sagewright.operations.sagemaker.noun import Noun, resource_not_found
from sagewright.operations.sagemaker.roles import check_role
from sagewright.operations.table import brief
from sagewright.operations.tracking import sessions
from sagewright.resources.mlflow_tracking_server import KIND, LIFE
from sagewright.resources.record import Record


def _exists(name: str, arn: str) -> AwsError:
    return AwsError("ConflictException", f"Tracking server {name} already exists ({arn}). Choose another name.")


NOUN: Final = Noun(
    "MlflowTrackingServer",
    KIND,
    resource_not_found("MlflowTrackingServer"),
    _exists,
    name_member="TrackingServerName",
    arn_member="TrackingServerArn",
    state_member="TrackingServerStatus",
    filters={"MlflowVersion": equals("MlflowVersion")},
)
operations = NOUN.operations(but=("describe_mlflow_tracking_server",))

_WHAT: Final = "Tracking server"


@operations
def create_mlflow_tracking_server(call: Call, request: Params) -> Params:
    check_role(call, request["RoleArn"])
    settings.check(call, request)
    spec = {"TrackingServerSize": "Small", "AutomaticModelRegistration": False, **request, "generation": 1}
    return NOUN.answer(call, NOUN.create(call, spec, state="Creating", status={"IsActive": "Inactive"}))


@operations
@brief
def describe_mlflow_tracking_server(call: Call, request: Params) -> Params:
    record = NOUN.named(call, request)
    view = {**NOUN.view(record), "TrackingServerUrl": call.host + sessions.place(record)}
    return project(view, output_of(call))


@operations
def update_mlflow_tracking_server(call: Call, request: Params) -> Params:
    settings.check(call, request)
    given = {member: value for member, value in request.items() if member != "TrackingServerName"}
    name = request["TrackingServerName"]
    return NOUN.answer(call, NOUN.amend(call, name, lambda record: settings.updated(record, given, LIFE, _WHAT)))


@operations
def start_mlflow_tracking_server(call: Call, request: Params) -> Params:
    def start(record: Record) -> Record:
        # Another generation: what the last run left is not taken for this one's end.
        spec = {**record.spec, "generation": record.spec["generation"] + 1}
        return settings.moved(replace(record, spec=spec), "start", LIFE, _WHAT)

    return NOUN.answer(call, NOUN.amend(call, request["TrackingServerName"], start))


@operations
def stop_mlflow_tracking_server(call: Call, request: Params) -> Params:
    stop = settings.change("stop", LIFE, _WHAT)
    return NOUN.answer(call, NOUN.amend(call, request["TrackingServerName"], stop))


@operations
def delete_mlflow_tracking_server(call: Call, request: Params) -> Params:
    delete = settings.change("delete", LIFE, _WHAT)
    return NOUN.answer(call, NOUN.amend(call, request["TrackingServerName"], delete))


@operations
def create_presigned_mlflow_tracking_server_url(call: Call, request: Params) -> Params:
    record = NOUN.named(call, request)
    return {"AuthorizedUrl": sessions.address(call, record, request)}
