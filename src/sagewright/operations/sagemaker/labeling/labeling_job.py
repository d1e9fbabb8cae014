"""Labeling jobs (Ground Truth)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import listing
from sagewright.operations.sagemaker.job import Job, job_exists
from sagewright.operations.sagemaker.labeling import workteam
from sagewright.operations.sagemaker.listing import at, contains, output_of, project
from sagewright.operations.sagemaker.noun import Noun, resource_not_found
from sagewright.resources.record import Record

_NO_LABELS: Final = {
    "TotalLabeled": 0,
    "HumanLabeled": 0,
    "MachineLabeled": 0,
    "FailedNonRetryableError": 0,
    "Unlabeled": 0,
}


def _seen(record: Record) -> Params:
    task = record.spec["HumanTaskConfig"]
    return {
        "WorkteamArn": task["WorkteamArn"],
        "PreHumanTaskLambdaArn": task.get("PreHumanTaskLambdaArn"),
        "AnnotationConsolidationLambdaArn": at(task, "AnnotationConsolidationConfig.AnnotationConsolidationLambdaArn"),
        "NumberOfHumanWorkersPerDataObject": task["NumberOfHumanWorkersPerDataObject"],
        "WorkRequesterAccountId": record.key.account,
    }


NOUN: Final = Noun(
    "LabelingJob",
    "labeling-job",
    resource_not_found("Labeling job"),
    job_exists("labeling job"),
    facets={"WorkteamArn": "WorkteamArn"},
    also=_seen,
)
_OF_TEAM: Final = replace(
    NOUN, filters={"WorkteamArn": "WorkteamArn", "JobReferenceCodeContains": contains("JobReferenceCode")}
)
_JOB: Final = Job(NOUN, "labeling job", first="Initializing")
operations = _JOB.operations(create=False, delete=False)
del operations.handlers["describe_labeling_job"]


@operations
def create_labeling_job(call: Call, request: Params) -> Params:
    workteam.NOUN.find(call, request["HumanTaskConfig"]["WorkteamArn"])
    status = {"LabelCounters": _NO_LABELS, "JobReferenceCode": call.services.ids.token(20)}
    return _JOB.create(call, request, status)


@operations
def describe_labeling_job(call: Call, request: Params) -> Params:
    """Alone among the jobs, it tells its tags."""
    record = NOUN.named(call, request)
    tags = [{"Key": key, "Value": value} for key, value in record.tags.items()]
    return project({**NOUN.view(record), **({"Tags": tags} if tags else {})}, output_of(call))


@operations
def list_labeling_jobs_for_workteam(call: Call, request: Params) -> Params:
    workteam.NOUN.find(call, request["WorkteamArn"])
    return listing.page(call, request, _OF_TEAM)
