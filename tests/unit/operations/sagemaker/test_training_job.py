"""Training jobs as records: no controller runs here, so nothing moves by itself."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused

ROLE = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


def request(name: str = "Job-1", **members: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    } | members


def test_a_job_is_described_as_it_was_asked_for(asker: Asker) -> None:
    arn = asker.call("CreateTrainingJob", **request(HyperParameters={"a": '"1"'}))["TrainingJobArn"]
    assert arn == "arn:aws:sagemaker:us-east-1:123456789012:training-job/job-1"
    job = asker.call("DescribeTrainingJob", TrainingJobName="Job-1")
    assert job["TrainingJobArn"] == arn
    assert job["HyperParameters"] == {"a": '"1"'}
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("InProgress", "Starting")
    assert job["OutputDataConfig"] == {"S3OutputPath": "s3://bucket/out", "KmsKeyId": ""}
    assert "InputDataConfig" not in job
    assert all(each["StatusMessage"] for each in job["SecondaryStatusTransitions"])


def test_names_are_unique(asker: Asker) -> None:
    asker.call("CreateTrainingJob", **request())
    with pytest.raises(Refused, match="ResourceInUse"):
        asker.call("CreateTrainingJob", **request())


def test_what_is_not_there_is_not_found(asker: Asker) -> None:
    for operation in ("DescribeTrainingJob", "StopTrainingJob", "UpdateTrainingJob"):
        with pytest.raises(Refused, match=r"ValidationException: Requested resource not found\."):
            asker.call(operation, TrainingJobName="none")
    with pytest.raises(Refused, match="ResourceNotFound"):
        asker.call("DeleteTrainingJob", TrainingJobName="none")


INSTANCE = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}
GROUP = {"InstanceGroupName": "g", "InstanceType": "ml.m5.large", "InstanceCount": 1}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"RoleArn": "arn:aws:iam::123456789012:role/nobody"}, "Could not assume role"),
        ({"AlgorithmSpecification": {"TrainingInputMode": "File"}}, "Exactly one of TrainingImage and AlgorithmName"),
        ({"EnableManagedSpotTraining": True}, "MaxWaitTimeInSeconds"),
        (
            {"DebugRuleConfigurations": [{"RuleConfigurationName": "LossNotDecreasing", "RuleEvaluatorImage": "r"}]},
            "does not do Debugger's rules",
        ),
        ({"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "there"}}, "CheckpointConfig.LocalPath must be"),
        ({"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/../ml"}}, "a folder of its own"),
        ({"ResourceConfig": {**INSTANCE, "InstanceCount": 0}}, "InstanceCount must be at least 1"),
        ({"ResourceConfig": {**INSTANCE, "InstanceCount": 1000}}, "at most 254 instances"),
        ({"ResourceConfig": {**INSTANCE, "InstanceGroups": [GROUP]}}, "takes either InstanceGroups, or"),
        ({"ResourceConfig": {"VolumeSizeInGB": 5, "InstanceGroups": [GROUP, GROUP]}}, "InstanceGroupName of its own"),
    ],
)
def test_what_cannot_be_done_is_refused_and_leaves_nothing(asker: Asker, members: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        asker.call("CreateTrainingJob", **request(**members))
    assert asker.call("ListTrainingJobs")["TrainingJobSummaries"] == []


def test_a_job_is_stopped_once(asker: Asker) -> None:
    asker.call("CreateTrainingJob", **request())
    asker.call("StopTrainingJob", TrainingJobName="Job-1")
    asker.call("StopTrainingJob", TrainingJobName="Job-1")
    assert asker.call("DescribeTrainingJob", TrainingJobName="Job-1")["TrainingJobStatus"] == "Stopping"


def test_a_running_job_is_not_deleted(asker: Asker) -> None:
    asker.call("CreateTrainingJob", **request())
    with pytest.raises(Refused, match="ResourceInUse"):
        asker.call("DeleteTrainingJob", TrainingJobName="Job-1")


def test_listings_filter_sort_and_page(asker: Asker) -> None:
    for index in range(5):
        asker.call("CreateTrainingJob", **request(f"job-{index}"))
    asker.call("StopTrainingJob", TrainingJobName="job-3")
    names: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = asker.call("ListTrainingJobs", MaxResults=2, SortBy="Name", SortOrder="Descending", **token)
        names += [each["TrainingJobName"] for each in page["TrainingJobSummaries"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert names == ["job-4", "job-3", "job-2", "job-1", "job-0"]
    stopping = asker.call("ListTrainingJobs", StatusEquals="Stopping")["TrainingJobSummaries"]
    assert [each["TrainingJobName"] for each in stopping] == ["job-3"]
    assert asker.call("ListTrainingJobs", NameContains="OB-2")["TrainingJobSummaries"][0]["TrainingJobName"] == "job-2"
    with pytest.raises(Refused, match="NextToken"):
        asker.call("ListTrainingJobs", NextToken="nonsense")


def test_tags_come_and_go(asker: Asker) -> None:
    arn = asker.call("CreateTrainingJob", **request(Tags=[{"Key": "a", "Value": "1"}]))["TrainingJobArn"]
    asker.call("AddTags", ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
    asker.call("DeleteTags", ResourceArn=arn, TagKeys=["b"])
    assert asker.call("ListTags", ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "3"}]
    with pytest.raises(Refused, match="ValidationException"):
        asker.call("ListTags", ResourceArn=arn + "x")
    with pytest.raises(Refused, match="50 tags"):
        asker.call("AddTags", ResourceArn=arn, Tags=[{"Key": f"k{n}", "Value": ""} for n in range(50)])
