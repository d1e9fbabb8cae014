from __future__ import annotations

from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused

CONFIG = {
    "Strategy": "Bayesian",
    "ResourceLimits": {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2},
}


@pytest.fixture
def definition(role: str) -> dict[str, Any]:
    return {
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "RoleArn": role,
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }


pytestmark = pytest.mark.usefixtures("everything_built")


def make(asker: Asker, name: str = "tune", **members: Any) -> None:
    asker.call(
        "CreateHyperParameterTuningJob",
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig=CONFIG,
        **members,
    )


def test_it_begins_without_training_jobs(asker: Asker, definition: dict[str, Any]) -> None:
    make(asker, TrainingJobDefinition=definition)
    told = asker.call("DescribeHyperParameterTuningJob", HyperParameterTuningJobName="tune")
    assert told["HyperParameterTuningJobStatus"] == "InProgress"
    assert told["TrainingJobStatusCounters"]["InProgress"] == 0
    (summary,) = asker.call("ListHyperParameterTuningJobs")["HyperParameterTuningJobSummaries"]
    assert (summary["Strategy"], summary["ResourceLimits"]) == (CONFIG["Strategy"], CONFIG["ResourceLimits"])
    listed = asker.call("ListTrainingJobsForHyperParameterTuningJob", HyperParameterTuningJobName="tune")
    assert listed["TrainingJobSummaries"] == []


def test_one_definition_or_several_but_not_both(asker: Asker, definition: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="Exactly one of"):
        make(asker)
    with pytest.raises(Refused, match="Exactly one of"):
        make(asker, TrainingJobDefinition=definition, TrainingJobDefinitions=[definition])


def test_several_definitions_are_told_apart_by_name(asker: Asker, definition: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="DefinitionName"):
        make(asker, TrainingJobDefinitions=[definition, definition])


def test_it_starts_warm_from_jobs_that_are_there(asker: Asker, definition: dict[str, Any]) -> None:
    parents = {
        "WarmStartType": "TransferLearning",
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "tune"}],
    }
    with pytest.raises(Refused, match="can't find a tuning job named tune"):
        make(asker, "again", TrainingJobDefinition=definition, WarmStartConfig=parents)
    with pytest.raises(Refused, match="needs a HyperParameterTuningJobName"):
        make(
            asker, "again", TrainingJobDefinition=definition, WarmStartConfig=parents | {next(reversed(parents)): [{}]}
        )
    make(asker, TrainingJobDefinition=definition)
    make(asker, "again", TrainingJobDefinition=definition, WarmStartConfig=parents)
