"""Jobs by category: fine-tuning of agents, synthetic data, evaluations. A name is unique within its category."""

from __future__ import annotations

from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.job import Job, job_exists
from sagewright.operations.sagemaker.noun import Noun, resource_not_found
from sagewright.resources.record import Record


def _summarised(record: Record) -> Params:
    return {"JobSecondaryStatus": record.status.get("SecondaryStatus")}


NOUN: Final = Noun(
    "Job", "job", resource_not_found("Job"), job_exists("job"), parents=("JobCategory",), also=_summarised
)
_JOB: Final = Job(NOUN, "job")
operations = _JOB.operations(create=False)


@operations
def create_job(call: Call, request: Params) -> Params:
    started = {"Status": "Starting", "StartTime": call.now}
    return _JOB.create(call, request, {"SecondaryStatus": "Starting", "SecondaryStatusTransitions": [started]})


@operations
def describe_job_schema_version(call: Call, request: Params) -> Params:
    raise resource_not_found("Job schema")(request["JobCategory"], "")


@operations
def list_job_schema_versions(call: Call, request: Params) -> Params:
    return {"JobConfigSchemas": []}
