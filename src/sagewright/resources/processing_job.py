"""The life of a processing job, its hosts, and what of /opt/ml/processing its request names."""

from __future__ import annotations

import os
import uuid
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
_QUERIES: Final = uuid.UUID("0a8f7f0e-6b0a-4a54-9f4e-6a1c7a2f9d31")
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


def inputs(record: Record) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """(name, S3Input, path inside the task) of those that the platform fetches, and not the job's own code. The result
    of a query is one in S3."""
    for each in record.spec.get("ProcessingInputs", ()):
        if not each.get("AppManaged") and "S3Input" in each:
            yield each["InputName"], each["S3Input"], os.path.normpath(each["S3Input"]["LocalPath"])
    for name, definition in datasets(record.spec):
        around = _definition(record.spec, name)
        source = {
            "S3Uri": query_output(record, name, definition),
            "S3DataType": "S3Prefix",
            "S3InputMode": around.get("InputMode", "File"),
            "S3DataDistributionType": around.get("DataDistributionType", "ShardedByS3Key"),
        }
        yield name, source, os.path.normpath(around["LocalPath"])


def datasets(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(name, AthenaDatasetDefinition) of those inputs that the platform asks Athena for."""
    for each in spec.get("ProcessingInputs", ()):
        definition = each.get("DatasetDefinition", {}).get("AthenaDatasetDefinition")
        if definition is not None and not each.get("AppManaged"):
            yield each["InputName"], definition


def _definition(spec: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = next(each for each in spec["ProcessingInputs"] if each["InputName"] == name)
    around: Mapping[str, Any] = found["DatasetDefinition"]
    return around


def query_id(record: Record, name: str) -> str:
    """The QueryExecutionId of an input's query."""
    return str(uuid.uuid5(_QUERIES, f"{record.uid}/{name}"))


def query_output(record: Record, name: str, definition: Mapping[str, Any]) -> str:
    """Where the result of an input's query lies: a folder of its own, so that no other job's is there."""
    return f"{definition['OutputS3Uri'].rstrip('/')}/{query_id(record, name)}/"


def outputs(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """(name, S3Output, path inside the task) of those that the platform uploads."""
    for each in spec.get("ProcessingOutputConfig", {}).get("Outputs", ()):
        if not each.get("AppManaged") and "S3Output" in each:
            yield each["OutputName"], each["S3Output"], os.path.normpath(each["S3Output"]["LocalPath"])
