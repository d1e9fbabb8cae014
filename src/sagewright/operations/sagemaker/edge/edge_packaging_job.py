"""Edge packaging jobs: a compiled model becomes what a device runs."""

from __future__ import annotations

from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.inference import compilation_job
from sagewright.operations.sagemaker.job import Job, job_exists
from sagewright.operations.sagemaker.listing import contains
from sagewright.operations.sagemaker.noun import Noun, resource_not_found

NOUN: Final = Noun(
    "EdgePackagingJob",
    "edge-packaging-job",
    resource_not_found("Edge packaging job"),
    job_exists("edge packaging job"),
    filters={"ModelNameContains": contains("ModelName")},
    sorts={"MODEL_NAME": "ModelName"},
)
_JOB: Final = Job(
    NOUN, "edge packaging job", first="STARTING", stopped="STOPPED", over=("COMPLETED", "FAILED", "STOPPED")
)
operations = _JOB.operations(create=False, delete=False)


@operations
def create_edge_packaging_job(call: Call, request: Params) -> Params:
    compilation_job.NOUN.find(call, request["CompilationJobName"])
    return _JOB.create(call, request)
