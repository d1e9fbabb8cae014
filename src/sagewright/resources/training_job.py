"""The life of a training job, and how one begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sagewright.resources.arn import sagemaker_arn
from sagewright.resources.lifecycle import Lifecycle
from sagewright.resources.record import Key, Record

KIND: Final = "training-job"
LOG_GROUP: Final = "/aws/sagemaker/TrainingJobs"
FACETS: Final[Mapping[str, str]] = {"TuningJobId": "TuningJobId"}
"""What training jobs are found by: the id of the tuning job that started it."""

LIFE: Final = Lifecycle(
    noun="TrainingJob",
    transitions={
        ("InProgress", "complete"): "Completed",
        ("InProgress", "fail"): "Failed",
        ("InProgress", "stop"): "Stopping",
        ("InProgress", "stopped"): "Stopped",  # by its own time limit
        ("Stopping", "stopped"): "Stopped",
        ("Stopping", "fail"): "Failed",
    },
    settled=("Completed", "Failed", "Stopped"),
)

IMAGE_OF_ALGORITHM: Final = "image_of_algorithm"
"""Where the status keeps the image of a job that names an algorithm."""
DEFAULT_RUNTIME: Final = 86_400
"""Seconds."""
# What AWS fills in when a request leaves it out; clients read these without asking whether they are there.
_DEFAULTS: Final[Mapping[str, Any]] = {
    "EnableNetworkIsolation": False,
    "EnableInterContainerTrafficEncryption": False,
    "EnableManagedSpotTraining": False,
}


def completed(request: Mapping[str, Any]) -> dict[str, Any]:
    """The spec of a request, with what it left out."""
    spec = {**_DEFAULTS, **request}
    spec["OutputDataConfig"] = {"KmsKeyId": "", **request.get("OutputDataConfig", {})}
    spec["StoppingCondition"] = {"MaxRuntimeInSeconds": DEFAULT_RUNTIME, **request.get("StoppingCondition", {})}
    return spec


def beginning(now: float) -> dict[str, Any]:
    """The status of one that begins."""
    started = {"Status": "Starting", "StartTime": now, "StatusMessage": "Starting the training job"}
    return {"SecondaryStatus": "Starting", "SecondaryStatusTransitions": [started]}


def new(
    account: str,
    region: str,
    request: Mapping[str, Any],
    *,
    now: float,
    uid: str,
    status: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Record:
    """The record that CreateTrainingJob makes of a request, for those who start jobs without one asking them to.

    `status` is what a job has that a request cannot say: which tuning job it is of.
    """
    name = request["TrainingJobName"]
    status = {
        "TrainingJobArn": sagemaker_arn(region, account, KIND, name),
        **beginning(now),
        **(status or {}),
    }
    return Record(
        key=Key(account, region, KIND, "", name),
        uid=uid,
        created=now,
        modified=now,
        spec=completed(request),
        status=status,
        state="InProgress",
        tags=tags or {},
        facets={facet: str(status.get(member, "")) for facet, member in FACETS.items()},
    )


def training_image(record: Record) -> str:
    """The image that the job runs: the request's, or its algorithm's."""
    named: str | None = record.spec["AlgorithmSpecification"].get("TrainingImage")
    return named or str(record.status[IMAGE_OF_ALGORITHM])


def stopping(record: Record) -> Record | None:
    """As a record that is to stop; None where there is nothing to stop, or where that was asked for already."""
    if not LIFE.allows(record.state, "stop"):
        return None
    return replace(record, intent="stop", state=LIFE.after(record.state, "stop"))
