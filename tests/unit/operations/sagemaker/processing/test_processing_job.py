from __future__ import annotations

from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused


@pytest.fixture
def job(role: str) -> dict[str, Any]:
    return {
        "ProcessingJobName": "Clean-it",
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
        "AppSpecification": {"ImageUri": "image"},
        "RoleArn": role,
    }


def test_a_job_that_nothing_would_run_is_refused(asker: Asker, job: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="does not run processing jobs yet"):
        asker.call("CreateProcessingJob", **job)
    assert asker.call("ListProcessingJobs")["ProcessingJobSummaries"] == []


@pytest.mark.usefixtures("everything_built")
class TestRecord:
    def test_it_begins_in_progress_and_stops_at_once(self, asker: Asker, job: dict[str, Any]) -> None:
        arn = asker.call("CreateProcessingJob", **job)["ProcessingJobArn"]
        assert arn.endswith(":processing-job/clean-it")
        assert asker.call("DescribeProcessingJob", ProcessingJobName="Clean-it")["ProcessingJobStatus"] == "InProgress"
        asker.call("StopProcessingJob", ProcessingJobName="Clean-it")
        assert asker.call("DescribeProcessingJob", ProcessingJobName="Clean-it")["ProcessingJobStatus"] == "Stopped"
        with pytest.raises(Refused, match="in status Stopped"):
            asker.call("StopProcessingJob", ProcessingJobName="Clean-it")

    def test_it_is_deleted_only_when_it_is_over(self, asker: Asker, job: dict[str, Any]) -> None:
        asker.call("CreateProcessingJob", **job)
        with pytest.raises(Refused) as refused:
            asker.call("DeleteProcessingJob", ProcessingJobName="Clean-it")
        assert refused.value.code == "ResourceInUse"
        asker.call("StopProcessingJob", ProcessingJobName="Clean-it")
        asker.call("DeleteProcessingJob", ProcessingJobName="Clean-it")
        with pytest.raises(Refused, match="Could not find requested job"):
            asker.call("DescribeProcessingJob", ProcessingJobName="Clean-it")

    def test_its_role_has_to_be_there(self, asker: Asker, job: dict[str, Any]) -> None:
        with pytest.raises(Refused, match="Could not assume role"):
            asker.call("CreateProcessingJob", **{**job, "RoleArn": "arn:aws:iam::123456789012:role/nobody"})

    def test_a_tag_finds_it_by_its_arn_without_capitals(self, asker: Asker, job: dict[str, Any]) -> None:
        arn = asker.call("CreateProcessingJob", **job)["ProcessingJobArn"]
        asker.call("AddTags", ResourceArn=arn, Tags=[{"Key": "k", "Value": "v"}])
        assert asker.call("ListTags", ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
