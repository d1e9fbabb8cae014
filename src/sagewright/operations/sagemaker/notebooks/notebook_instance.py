"""Notebook instances. They are not run yet: one that was made waits as `Pending` until it is stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import contains
from sagewright.operations.sagemaker.notebooks import code_repository, notebook_instance_lifecycle_config
from sagewright.operations.sagemaker.noun import Noun, record_not_found
from sagewright.operations.sagemaker.roles import check_role
from sagewright.resources.record import Record


def _exists(_name: str, arn: str) -> AwsError:
    return validation_error(f"Cannot create a duplicate notebook instance ({arn}). Choose another name.")


NOUN: Final = Noun(
    "NotebookInstance",
    "notebook-instance",
    record_not_found(),
    _exists,
    filters={
        "NotebookInstanceLifecycleConfigNameContains": contains("NotebookInstanceLifecycleConfigName"),
        "DefaultCodeRepositoryContains": contains("DefaultCodeRepository"),
        "AdditionalCodeRepositoryEquals": lambda view, wanted: wanted in view.get("AdditionalCodeRepositories", ()),
    },
)
operations = NOUN.operations()

# What AWS fills in when a request leaves it out.
_DEFAULTS: Final[Mapping[str, Any]] = {
    "DirectInternetAccess": "Enabled",
    "RootAccess": "Enabled",
    "VolumeSizeInGB": 5,
}
_RENAMED: Final = {
    "LifecycleConfigName": "NotebookInstanceLifecycleConfigName",
    "SecurityGroupIds": "SecurityGroups",
}
"""What describe calls differently than create and update do."""
_TAKEN_OFF: Final = {
    "DisassociateLifecycleConfig": "NotebookInstanceLifecycleConfigName",
    "DisassociateAcceleratorTypes": "AcceleratorTypes",
    "DisassociateDefaultCodeRepository": "DefaultCodeRepository",
    "DisassociateAdditionalCodeRepositories": "AdditionalCodeRepositories",
}
_AT_REST: Final = ("Stopped", "Failed")


@operations
def create_notebook_instance(call: Call, request: Params) -> Params:
    if "SubnetId" not in request and request.get("DirectInternetAccess") == "Disabled":
        raise validation_error("SubnetId is required when DirectInternetAccess is Disabled.")
    if "SubnetId" not in request and request.get("SecurityGroupIds"):
        raise validation_error("SubnetId is required with SecurityGroupIds: these belong to the subnet's VPC.")
    _check_references(call, request)
    return NOUN.answer(call, NOUN.create(call, {**_DEFAULTS, **_described(request)}, state="Pending"))


@operations
def update_notebook_instance(call: Call, request: Params) -> Params:
    for flag, member in _TAKEN_OFF.items():
        if request.get(flag) and member in _described(request):
            raise validation_error(f"{flag} contradicts {member}: give one of them.")
    _check_references(call, request)
    gone = [member for flag, member in _TAKEN_OFF.items() if request.get(flag)]
    given = {member: value for member, value in _described(request).items() if member not in _TAKEN_OFF}

    def update(record: Record) -> Record:
        _at_rest(record, "Updating")
        if given.get("VolumeSizeInGB", 0) < record.spec["VolumeSizeInGB"] and "VolumeSizeInGB" in given:
            raise validation_error(f"The volume has {record.spec['VolumeSizeInGB']} GB and cannot become smaller.")
        kept = {member: value for member, value in record.spec.items() if member not in gone}
        return replace(record, spec={**kept, **given})

    return NOUN.answer(call, NOUN.amend(call, request["NotebookInstanceName"], update))


@operations
def start_notebook_instance(call: Call, request: Params) -> Params:
    NOUN.amend(call, request["NotebookInstanceName"], _moved(_AT_REST, "Pending"))
    return {}


@operations
def stop_notebook_instance(call: Call, request: Params) -> Params:
    """Nothing runs that would have to end first, so that it has stopped at once."""
    NOUN.amend(call, request["NotebookInstanceName"], _moved(("InService", "Pending"), "Stopped"))
    return {}


@operations
def delete_notebook_instance(call: Call, request: Params) -> Params:
    NOUN.remove(call, NOUN.named(call, request), lambda record: _at_rest(record, "Deleting"))
    return {}


def _moved(begins: tuple[str, ...], state: str) -> Callable[[Record], Record]:
    def move(record: Record) -> Record:
        _in_one_of(record, begins, state)
        return replace(record, state=state)

    return move


def _at_rest(record: Record, wanted: str) -> None:
    _in_one_of(record, _AT_REST, wanted)


def _in_one_of(record: Record, states: tuple[str, ...], wanted: str) -> None:
    if record.state not in states:
        raise validation_error(
            f"Status ({record.state}) not in ([{', '.join(states)}]). Unable to transition to ({wanted}) for "
            f"Notebook Instance ({record.status['NotebookInstanceArn']})."
        )


def _described(request: Params) -> Params:
    return {_RENAMED.get(member, member): value for member, value in request.items()}


def _check_references(call: Call, request: Params) -> None:
    if "RoleArn" in request:
        check_role(call, request["RoleArn"])
    if "LifecycleConfigName" in request:
        notebook_instance_lifecycle_config.NOUN.find(call, request["LifecycleConfigName"])
    repositories = [request.get("DefaultCodeRepository", ""), *request.get("AdditionalCodeRepositories", ())]
    for repository in repositories:
        if repository and not repository.startswith("https://"):
            code_repository.NOUN.find(call, repository)
