"""Recommendations of instances for a model under a workload."""

from __future__ import annotations

from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.inference import ai_workload_config
from sagewright.operations.sagemaker.job import Job, job_exists
from sagewright.operations.sagemaker.noun import Noun, resource_not_found

NOUN: Final = Noun(
    "AIRecommendationJob",
    "ai-recommendation-job",
    resource_not_found("Recommendation job"),
    job_exists("recommendation job"),
)
_JOB: Final = Job(NOUN, "recommendation job")
operations = _JOB.operations(create=False)


@operations
def create_ai_recommendation_job(call: Call, request: Params) -> Params:
    ai_workload_config.NOUN.find(call, request["AIWorkloadConfigIdentifier"])
    return _JOB.create(call, request)
