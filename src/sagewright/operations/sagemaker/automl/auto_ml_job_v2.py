"""Autopilot jobs as the second version of the API asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.automl.auto_ml_job import JOB, NOUN, STARTING
from sagewright.operations.sagemaker.listing import output_of, project
from sagewright.operations.table import Operations

operations = Operations()

_PROBLEMS: Final[Mapping[str, str]] = {
    "ImageClassificationJobConfig": "ImageClassification",
    "TextClassificationJobConfig": "TextClassification",
    "TimeSeriesForecastingJobConfig": "TimeSeriesForecasting",
    "TabularJobConfig": "Tabular",
    "TextGenerationJobConfig": "TextGeneration",
}


@operations
def create_auto_ml_job_v2(call: Call, request: Params) -> Params:
    problem = next(iter(request["AutoMLProblemTypeConfig"]))
    return JOB.create(call, request, {**STARTING, "AutoMLProblemTypeConfigName": _PROBLEMS[problem]})


@operations
def describe_auto_ml_job_v2(call: Call, request: Params) -> Params:
    """Jobs of the first version too, as the second names their members."""
    record = NOUN.named(call, request)
    view = NOUN.view(record)
    if "InputDataConfig" in view:
        view["AutoMLJobInputDataConfig"] = view["InputDataConfig"]
    return project(view, output_of(call))
