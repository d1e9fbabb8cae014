"""ExperimentConfig: where the component of a new job goes, and what is refused before anything is written."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.resources.record import Key
from sagewright.testing.asker import Asker, Refused

ROLE = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


def create(asker: Asker, name: str = "Job", **config: str) -> dict[str, Any]:
    """A training job, and its component."""
    asker.call(
        "CreateTrainingJob",
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=ROLE,
        OutputDataConfig={"S3OutputPath": "s3://bucket/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
        **({"ExperimentConfig": config} if config else {}),
    )
    return component(asker, name)


def component(asker: Asker, job: str = "Job") -> dict[str, Any]:
    return asker.call("DescribeTrialComponent", TrialComponentName=f"{job}-aws-training-job")


def trials_of(asker: Asker, job: str = "Job") -> list[str]:
    found = asker.call("ListTrials", TrialComponentName=f"{job}-aws-training-job")["TrialSummaries"]
    return [each["TrialName"] for each in found]


def test_every_job_has_a_component(asker: Asker) -> None:
    found = create(asker)
    assert found["TrialComponentName"] == found["DisplayName"] == "Job-aws-training-job"
    assert found["Status"] == {"PrimaryStatus": "InProgress"}
    assert found["Source"]["SourceArn"] == "arn:aws:sagemaker:us-east-1:123456789012:training-job/job"
    assert found["Parameters"]["SageMaker.ImageUri"] == {"StringValue": IMAGE}
    assert found["CreatedBy"]
    assert trials_of(asker) == []
    listed = asker.call("ListTrialComponents", SourceArn="arn:aws:sagemaker:us-east-1:123456789012:training-job/Job")
    assert len(listed["TrialComponentSummaries"]) == 1


def test_it_is_put_into_the_trial_that_is_named(asker: Asker, trials: tuple[str, str]) -> None:
    found = create(asker, TrialName="SWEET", ExperimentName="taste", TrialComponentDisplayName="shown")
    assert found["DisplayName"] == "shown"
    assert trials_of(asker) == ["sweet"]
    with pytest.raises(Refused, match="has trial components"):
        asker.call("DeleteTrial", TrialName="sweet")


def test_a_trial_is_made_where_only_the_experiment_is_named(asker: Asker, trials: tuple[str, str]) -> None:
    create(asker, ExperimentName="taste")
    assert trials_of(asker) == ["Job-aws-trial"]
    assert asker.call("DescribeTrial", TrialName="Job-aws-trial")["ExperimentName"] == "Taste"


def test_a_run_tells_of_its_jobs(asker: Asker, trials: tuple[str, str]) -> None:
    asker.call("CreateTrialComponent", TrialComponentName="run")
    first = create(asker, "one", RunName="run", TrialName="sweet")
    second = create(asker, "two", RunName="run")
    sources = asker.call("DescribeTrialComponent", TrialComponentName="run")["Sources"]
    assert sources == [first["Source"], second["Source"]]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"ExperimentName": "none"}, r"ExperimentConfig\.ExperimentName: .*none"),
        ({"TrialName": "none"}, r"ExperimentConfig\.TrialName: .*none"),
        ({"RunName": "none", "TrialName": "sweet"}, r"ExperimentConfig\.RunName: .*none"),
        ({"ExperimentName": "other", "TrialName": "sweet"}, "belongs to experiment Taste, not to other"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_written(
    asker: Asker, trials: tuple[str, str], config: dict[str, str], words: str
) -> None:
    asker.call("CreateExperiment", ExperimentName="Other")
    with pytest.raises(Refused, match=rf"400 ValidationException: .*{words}"):
        create(asker, **config)
    assert asker.call("ListTrainingJobs")["TrainingJobSummaries"] == []
    assert asker.call("ListTrialComponents")["TrialComponentSummaries"] == []


def test_a_second_job_of_a_name_changes_nothing(asker: Asker, trials: tuple[str, str]) -> None:
    first = create(asker)
    with pytest.raises(Refused, match="ResourceInUse"):
        create(asker, TrialName="sweet")
    assert component(asker) == first
    assert trials_of(asker) == []


def test_a_component_that_a_user_made_becomes_the_jobs(asker: Asker) -> None:
    parameters = {"mine": {"NumberValue": 1.0}}
    asker.call("CreateTrialComponent", TrialComponentName="job-aws-training-job", Parameters=parameters)
    found = create(asker)
    assert found["Parameters"]["mine"] == {"NumberValue": 1.0}
    assert found["Parameters"]["SageMaker.InstanceType"] == {"StringValue": "ml.m5.large"}
    assert found["Source"]["SourceType"] == "SageMakerTrainingJob"


def test_users_may_add_to_a_jobs_component(asker: Asker) -> None:
    create(asker)
    asker.call(
        "UpdateTrialComponent",
        TrialComponentName="job-aws-training-job",
        Parameters={"more": {"StringValue": "x"}},
        OutputArtifacts={"report": {"Value": "s3://b/report"}},
        Status={"PrimaryStatus": "Completed"},
    )
    found = component(asker)
    assert found["Parameters"]["more"] == {"StringValue": "x"}
    assert found["OutputArtifacts"] == {"report": {"Value": "s3://b/report"}}
    assert found["Status"] == {"PrimaryStatus": "InProgress"}  # the job says how it is


def test_a_job_that_was_deleted_leaves_its_component_to_the_next(asker: Asker) -> None:
    create(asker)
    record = asker.server.storage.store.get(key_of("Job"))
    assert record is not None
    asker.server.storage.store.delete(record)
    assert component(asker)
    asker.call("UpdateTrialComponent", TrialComponentName="job-aws-training-job", DisplayName="old")
    assert create(asker)["DisplayName"] == "Job-aws-training-job"


def key_of(job: str) -> Key:
    return Key("123456789012", "us-east-1", "training-job", "", job)
