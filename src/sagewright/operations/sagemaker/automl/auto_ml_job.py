"""Autopilot jobs. Those of the second version are the same noun under another request (`auto_ml_job_v2.py`)."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.job import Job, job_exists
from sagewright.operations.sagemaker.listing import output_of, project
from sagewright.operations.sagemaker.noun import Noun, resource_not_found
from sagewright.operations.table import Operations

NOUN: Final = Noun("AutoMLJob", "automl-job", resource_not_found("AutoML job"), job_exists("AutoML job"))
JOB: Final = Job(NOUN, "AutoML job")
STARTING: Final = {"AutoMLJobSecondaryStatus": "Starting"}

operations = Operations()
operations.add("list_auto_ml_jobs", NOUN.list)
operations.add("stop_auto_ml_job", JOB.stop)


@operations
def create_auto_ml_job(call: Call, request: Params) -> Params:
    return JOB.create(call, request, STARTING)


@operations
def describe_auto_ml_job(call: Call, request: Params) -> Params:
    record = NOUN.named(call, request)
    if "AutoMLProblemTypeConfig" in record.spec:
        raise validation_error(f"{record.name} was created by CreateAutoMLJobV2. Ask DescribeAutoMLJobV2 for it.")
    return project(NOUN.view(record), output_of(call))
