"""The life of a processing job, its hosts, and what of /opt/ml/processing its request names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sagewright.resources import training_host
from sagewright.resources.lifecycle import Lifecycle
from sagewright.resources.record import Record
from sagewright.resources.training_host import ONE_GROUP, Host

KIND: Final = "processing-job"
LOG_GROUP: Final = "/aws/sagemaker/ProcessingJobs"
ROOT: Final = "/opt/ml/processing"
"""All that is read and written stands below it."""
DEFAULT_RUNTIME: Final = 86_400
"""Seconds."""

LIFE: Final = Lifecycle(
    noun="ProcessingJob",
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


def completed(request: Mapping[str, Any]) -> dict[str, Any]:
    """The spec of a request, with what it left out."""
    limit = {"MaxRuntimeInSeconds": DEFAULT_RUNTIME, **request.get("StoppingCondition", {})}
    return {**request, "StoppingCondition": limit}


def instances(spec: Mapping[str, Any]) -> tuple[str, int]:
    """The type of a job's instances, and how many there are."""
    cluster = spec["ProcessingResources"]["ClusterConfig"]
    if "SelectedInstanceType" in cluster:
        return cluster["SelectedInstanceType"], int(cluster["SelectedInstanceCount"])
    return cluster["InstanceType"], int(cluster["InstanceCount"])


def hosts(record: Record) -> Sequence[Host]:
    """In the order of their numbers."""
    kind, count = instances(record.spec)
    group = {"InstanceGroupName": ONE_GROUP, "InstanceType": kind, "InstanceCount": count}
    volume = record.spec["ProcessingResources"]["ClusterConfig"].get("VolumeSizeInGB") or 0
    return training_host.numbered([group], int(volume))


def task_id(record: Record, host: Host) -> str:
    return f"process-{record.uid}-{host.number}"


def log_stream(record: Record, host: Host) -> str:
    return f"{record.name}/{host.name}-{int(record.created)}"


def inputs(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """(name, S3Input, path inside the task) of those that the platform fetches, and not the job's own code."""
    for each in spec.get("ProcessingInputs", ()):
        if not each.get("AppManaged") and "S3Input" in each:
            yield each["InputName"], each["S3Input"], os.path.normpath(each["S3Input"]["LocalPath"])


def outputs(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """(name, S3Output, path inside the task) of those that the platform uploads."""
    for each in spec.get("ProcessingOutputConfig", {}).get("Outputs", ()):
        if not each.get("AppManaged") and "S3Output" in each:
            yield each["OutputName"], each["S3Output"], os.path.normpath(each["S3Output"]["LocalPath"])
