"""MLflow tracking servers. They are not run yet: one that was made waits as `Creating` until it is stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import equals
from sagewright.operations.sagemaker.noun import Noun, resource_not_found
from sagewright.operations.sagemaker.roles import check_role
from sagewright.resources.record import Record


def _exists(name: str, arn: str) -> AwsError:
    return AwsError("ConflictException", f"Tracking server {name} already exists ({arn}). Choose another name.")


NOUN: Final = Noun(
    "MlflowTrackingServer",
    "mlflow-tracking-server",
    resource_not_found("MlflowTrackingServer"),
    _exists,
    name_member="TrackingServerName",
    arn_member="TrackingServerArn",
    state_member="TrackingServerStatus",
    filters={"MlflowVersion": equals("MlflowVersion")},
)
operations = NOUN.operations(delete=True)

_AT_REST: Final = ("Stopped", "StopFailed", "CreateFailed")


@operations
def create_mlflow_tracking_server(call: Call, request: Params) -> Params:
    check_role(call, request["RoleArn"])
    spec = {"TrackingServerSize": "Small", **request}
    return NOUN.answer(call, NOUN.create(call, spec, state="Creating", status={"IsActive": "Inactive"}))


@operations
def update_mlflow_tracking_server(call: Call, request: Params) -> Params:
    return NOUN.answer(call, NOUN.merge(call, request))


@operations
def start_mlflow_tracking_server(call: Call, request: Params) -> Params:
    return _move(call, request, lambda record: record.state in _AT_REST, "Starting")


@operations
def stop_mlflow_tracking_server(call: Call, request: Params) -> Params:
    """Nothing runs that would have to end first, so that it has stopped at once."""
    return _move(call, request, lambda record: record.state not in _AT_REST, "Stopped")


def _move(call: Call, request: Params, may: Callable[[Record], bool], state: str) -> Params:
    def move(record: Record) -> Record:
        if not may(record):
            raise AwsError("ConflictException", f"Tracking server {record.name} is in status {record.state}.")
        return replace(record, state=state)

    return NOUN.answer(call, NOUN.amend(call, request["TrackingServerName"], move))
