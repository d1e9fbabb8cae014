"""Batch transform jobs."""

from __future__ import annotations

from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.inference import model
from sagewright.operations.sagemaker.job import Job, job_exists, no_such_job
from sagewright.operations.sagemaker.noun import Noun

NOUN: Final = Noun("TransformJob", "transform-job", no_such_job(), job_exists("transform job"))
_JOB: Final = Job(NOUN, "transform job")
operations = _JOB.operations(create=False, delete=False)


@operations
def create_transform_job(call: Call, request: Params) -> Params:
    model.NOUN.find(call, request["ModelName"])
    return _JOB.create(call, request)
