"""Processing jobs: CreateProcessingJob and its kin. `controllers/processing_job.py` does the work."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import quotas
from sagewright.operations.sagemaker.experiments.tracking import tracked
from sagewright.operations.sagemaker.job import Job, job_exists, no_such_job
from sagewright.operations.sagemaker.noun import Noun
from sagewright.operations.sagemaker.processing.checks import check
from sagewright.operations.sagemaker.roles import check_role
from sagewright.resources.owner import OWNER, owner_of
from sagewright.resources.processing_job import KIND, LIFE, completed
from sagewright.resources.record import Record

NOUN: Final = Noun("ProcessingJob", KIND, no_such_job(), job_exists("processing job"))
operations = NOUN.operations()
operations.add("delete_processing_job", Job(NOUN, "processing job").delete)


@operations
def create_processing_job(call: Call, request: Params) -> Params:
    check(request)
    check_role(call, request["RoleArn"])
    record = NOUN.create(
        call,
        completed(_with_instances(call, request)),
        state="InProgress",
        status={OWNER: owner_of(call.principal.arn)},
        beside=lambda record: (*tracked(call, record), *quotas.taken(call, record)),
    )
    return {"ProcessingJobArn": record.status["ProcessingJobArn"]}


@operations
def stop_processing_job(call: Call, request: Params) -> Params:
    def stop(record: Record) -> Record | None:
        if record.state == "Stopping":
            return None
        if not LIFE.allows(record.state, "stop"):
            raise validation_error(f"The request was rejected because the processing job is in status {record.state}.")
        return replace(record, intent="stop", state=LIFE.after(record.state, "stop"))

    NOUN.amend(call, request["ProcessingJobName"], stop)
    return {}


def _with_instances(call: Call, request: Params) -> Params:
    """The request with the first of its InstancePreferences that this server has, if it has any."""
    cluster = request["ProcessingResources"]["ClusterConfig"]
    preferences = cluster.get("InstancePreferences")
    if not preferences:
        return request
    held = [each for each in preferences if call.services.holds(each["InstanceType"])]
    kind, count = (held or preferences)[0]["InstanceType"], (held or preferences)[0].get("InstanceCount", 1)
    chosen = {"SelectedInstanceType": kind, "SelectedInstanceCount": count}
    return {
        **request,
        "ProcessingResources": {"ClusterConfig": {**cluster, **chosen}},
    }
