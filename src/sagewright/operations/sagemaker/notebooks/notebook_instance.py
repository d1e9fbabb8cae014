"""Notebook instances. `controllers/notebook_instance.py` makes them run, `edge/notebooks.py` leads to them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import contains, output_of, project
from sagewright.operations.sagemaker.notebooks import addresses, code_repository, notebook_instance_lifecycle_config
from sagewright.operations.sagemaker.noun import Noun, record_not_found
from sagewright.operations.sagemaker.roles import check_role
from sagewright.operations.table import brief
from sagewright.operations.tracking import sessions
from sagewright.resources.notebook_instance import LIFE
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
operations = NOUN.operations(but=("describe_notebook_instance", "list_notebook_instances"))

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
_SESSION_SECONDS: Final = 43_200
_TAKEN_OFF: Final = {
    "DisassociateLifecycleConfig": "NotebookInstanceLifecycleConfigName",
    "DisassociateAcceleratorTypes": "AcceleratorTypes",
    "DisassociateDefaultCodeRepository": "DefaultCodeRepository",
    "DisassociateAdditionalCodeRepositories": "AdditionalCodeRepositories",
}


@operations
def create_notebook_instance(call: Call, request: Params) -> Params:
    if "SubnetId" not in request and request.get("DirectInternetAccess") == "Disabled":
        raise validation_error("SubnetId is required when DirectInternetAccess is Disabled.")
    if "SubnetId" not in request and request.get("SecurityGroupIds"):
        raise validation_error("SubnetId is required with SecurityGroupIds: these belong to the subnet's VPC.")
    _check_references(call, request)
    _check_platform(request)
    spec = {**_DEFAULTS, **_described(request), "generation": 1}
    return NOUN.answer(call, NOUN.create(call, spec, state="Pending"))


@operations
@brief
def describe_notebook_instance(call: Call, request: Params) -> Params:
    record = NOUN.named(call, request)
    view = {**NOUN.view(record), **_url(call, record.name)}
    if "SubnetId" in record.spec:
        view["NetworkInterfaceId"] = f"eni-{hashlib.sha256(record.uid.encode()).hexdigest()[:17]}"
    return project(view, output_of(call))


@operations
def list_notebook_instances(call: Call, request: Params) -> Params:
    answer = NOUN.list(call, request)
    for each in answer["NotebookInstances"]:
        each.update(_url(call, each["NotebookInstanceName"]))
    return answer


@operations
def create_presigned_notebook_instance_url(call: Call, request: Params) -> Params:
    """The address opens a session once, within five minutes."""
    record = NOUN.named(call, request)
    url = addresses.of(call, record.name)
    if url is None:
        raise validation_error(addresses.NO_DOMAIN)
    seconds = request.get("SessionExpirationDurationInSeconds", _SESSION_SECONDS)
    return {"AuthorizedUrl": f"{url}?authToken={sessions.presigned(call, record, seconds=seconds)}"}


@operations
def update_notebook_instance(call: Call, request: Params) -> Params:
    for flag, member in _TAKEN_OFF.items():
        if request.get(flag) and member in _described(request):
            raise validation_error(f"{flag} contradicts {member}: give one of them.")
    _check_references(call, request)
    gone = [member for flag, member in _TAKEN_OFF.items() if request.get(flag)]
    given = {member: value for member, value in _described(request).items() if member not in _TAKEN_OFF}

    def update(record: Record) -> Record:
        _allow(record, "update", "Updating")
        if given.get("VolumeSizeInGB", 0) < record.spec["VolumeSizeInGB"] and "VolumeSizeInGB" in given:
            raise validation_error(f"The volume has {record.spec['VolumeSizeInGB']} GB and cannot become smaller.")
        kept = {member: value for member, value in record.spec.items() if member not in gone}
        return replace(record, spec={**kept, **given}, state=LIFE.after(record.state, "update"))

    return NOUN.answer(call, NOUN.amend(call, request["NotebookInstanceName"], update))


@operations
def start_notebook_instance(call: Call, request: Params) -> Params:
    def start(record: Record) -> Record:
        # Another generation: what the last run left is not taken for this one's end.
        spec = {**record.spec, "generation": record.spec["generation"] + 1}
        return _moved(replace(record, spec=spec), "start", "Pending")

    NOUN.amend(call, request["NotebookInstanceName"], start)
    return {}


@operations
def stop_notebook_instance(call: Call, request: Params) -> Params:
    NOUN.amend(call, request["NotebookInstanceName"], lambda record: _moved(record, "stop", "Stopping"))
    return {}


@operations
def delete_notebook_instance(call: Call, request: Params) -> Params:
    def delete(record: Record) -> Record:
        return replace(_moved(record, "delete", "Deleting"), intent="delete")

    NOUN.amend(call, request["NotebookInstanceName"], delete)
    return {}


def _moved(record: Record, event: str, state: str) -> Record:
    _allow(record, event, state)
    return replace(record, state=LIFE.after(record.state, event))


def _allow(record: Record, event: str, wanted: str) -> None:
    """Raises AWS's refusal where that cannot be now."""
    if not LIFE.allows(record.state, event):
        begins = ", ".join(sorted(state for state, each in LIFE.transitions if each == event))
        raise validation_error(
            f"Status ({record.state}) not in ([{begins}]). Unable to transition to ({wanted}) for "
            f"Notebook Instance ({record.status['NotebookInstanceArn']})."
        )


def _url(call: Call, name: str) -> Params:
    url = addresses.of(call, name)
    return {"Url": url.partition("://")[2].rstrip("/")} if url is not None else {}


def _described(request: Params) -> Params:
    return {_RENAMED.get(member, member): value for member, value in request.items()}


def _check_platform(request: Params) -> None:
    """What is asked of the machine beneath. Elastic Inference is no more, on AWS either."""
    if request.get("AcceleratorTypes"):
        raise validation_error("There are no accelerators to attach: choose an instance type with a GPU instead.")


def _check_references(call: Call, request: Params) -> None:
    if "RoleArn" in request:
        check_role(call, request["RoleArn"])
    if "LifecycleConfigName" in request:
        notebook_instance_lifecycle_config.NOUN.find(call, request["LifecycleConfigName"])
    repositories = [request.get("DefaultCodeRepository", ""), *request.get("AdditionalCodeRepositories", ())]
    for repository in repositories:
        if repository and not repository.startswith("https://"):
            code_repository.NOUN.find(call, repository)
