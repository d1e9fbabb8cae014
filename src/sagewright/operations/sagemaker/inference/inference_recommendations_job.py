"""Inference recommendation jobs (Inference Recommender) and their steps."""

from __future__ import annotations

from typing import Final, NoReturn

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.job import Job, job_exists
from sagewright.operations.sagemaker.listing import at, equals, sliced
from sagewright.operations.sagemaker.noun import Noun, resource_not_found
from sagewright.resources.record import Record


def _seen(record: Record) -> Params:
    given = record.spec["InputConfig"]
    return {
        "ModelName": given.get("ModelName"),
        "ModelPackageVersionArn": given.get("ModelPackageVersionArn"),
        "SamplePayloadUrl": at(given, "ContainerConfig.PayloadConfig.SamplePayloadUrl"),
        "JobDescription": record.spec.get("JobDescription", ""),
    }


NOUN: Final = Noun(
    "InferenceRecommendationsJob",
    "inference-recommendations-job",
    resource_not_found("Inference recommendations job"),
    job_exists("inference recommendations job"),
    name_member="JobName",
    arn_member="JobArn",
    state_member="Status",
    filters={
        "ModelNameEquals": equals("ModelName"),
        "ModelPackageVersionArnEquals": equals("ModelPackageVersionArn"),
    },
    also=_seen,
)
_JOB: Final = Job(
    NOUN, "inference recommendations job", first="PENDING", stopped="STOPPED", over=("COMPLETED", "FAILED", "STOPPED")
)
operations = _JOB.operations(delete=False)


@operations
def list_inference_recommendations_job_steps(call: Call, request: Params) -> Params:
    steps = [
        step
        for step in NOUN.named(call, request).status.get("Steps", ())
        if request.get("Status") in (None, step["Status"]) and request.get("StepType") in (None, step["StepType"])
    ]
    return sliced(steps, request, "Steps")


@operations
def get_scaling_configuration_recommendation(call: Call, request: Params) -> NoReturn:
    NOUN.find(call, request["InferenceRecommendationsJobName"])
    raise resource_not_found("A recommendation of")(request["InferenceRecommendationsJobName"], "")
