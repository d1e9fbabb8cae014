"""Compilation jobs (Neo)."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.job import Job, job_exists
from sagewright.operations.sagemaker.noun import Noun, resource_not_found
from sagewright.resources.record import Record

_PLATFORM: Final = {"Os": "Os", "Arch": "Arch", "Accelerator": "Accelerator"}


def _seen(record: Record) -> Params:
    target = record.spec["OutputConfig"]
    platform = target.get("TargetPlatform", {})
    return {
        # Both are required in the answer, also before there is anything to say.
        "FailureReason": record.status.get("FailureReason", ""),
        "ModelArtifacts": record.status.get("ModelArtifacts", {"S3ModelArtifacts": ""}),
        "CompilationTargetDevice": target.get("TargetDevice"),
        **{f"CompilationTargetPlatform{name}": platform.get(name) for name in _PLATFORM},
    }


NOUN: Final = Noun(
    "CompilationJob",
    "compilation-job",
    resource_not_found("Compilation job"),
    job_exists("compilation job"),
    also=_seen,
)
_JOB: Final = Job(NOUN, "compilation job", first="STARTING", stopped="STOPPED", over=("COMPLETED", "FAILED", "STOPPED"))
operations = _JOB.operations(create=False)


@operations
def create_compilation_job(call: Call, request: Params) -> Params:
    if ("InputConfig" in request) == ("ModelPackageVersionArn" in request):
        raise validation_error("Exactly one of InputConfig and ModelPackageVersionArn must be given.")
    return _JOB.create(call, request)
