from __future__ import annotations

from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused

ROOT = "/opt/ml/processing"
SOURCE = {"S3Uri": "s3://b/x", "LocalPath": f"{ROOT}/in", "S3DataType": "S3Prefix"}
TARGET = {"S3Uri": "s3://b/y", "LocalPath": f"{ROOT}/out", "S3UploadMode": "EndOfJob"}
ATHENA = {
    "Catalog": "AwsDataCatalog",
    "Database": "d",
    "QueryString": "SELECT 1",
    "OutputS3Uri": "s3://b/q",
    "OutputFormat": "PARQUET",
}


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


def test_it_is_in_progress_until_its_controller_has_stopped_it(asker: Asker, job: dict[str, Any]) -> None:
    arn = asker.call("CreateProcessingJob", **job)["ProcessingJobArn"]
    assert arn.endswith(":processing-job/clean-it")
    told = asker.call("DescribeProcessingJob", ProcessingJobName="Clean-it")
    assert (told["ProcessingJobStatus"], told["StoppingCondition"]) == ("InProgress", {"MaxRuntimeInSeconds": 86_400})
    for _ in range(2):
        asker.call("StopProcessingJob", ProcessingJobName="Clean-it")
        assert asker.call("DescribeProcessingJob", ProcessingJobName="Clean-it")["ProcessingJobStatus"] == "Stopping"
    with pytest.raises(Refused) as refused:
        asker.call("DeleteProcessingJob", ProcessingJobName="Clean-it")
    assert refused.value.code == "ResourceInUse"
    with pytest.raises(Refused, match="must be unique"):
        asker.call("CreateProcessingJob", **job)


def test_its_role_has_to_be_there(asker: Asker, job: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="Could not assume role"):
        asker.call("CreateProcessingJob", **{**job, "RoleArn": "arn:aws:iam::123456789012:role/nobody"})


def test_a_tag_finds_it_by_its_arn_without_capitals(asker: Asker, job: dict[str, Any]) -> None:
    arn = asker.call("CreateProcessingJob", **job)["ProcessingJobArn"]
    asker.call("AddTags", ResourceArn=arn, Tags=[{"Key": "k", "Value": "v"}])
    assert asker.call("ListTags", ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]


def test_the_first_instance_preference_is_taken(asker: Asker, job: dict[str, Any]) -> None:
    preferences = [{"InstanceType": "ml.m5.xlarge", "InstanceCount": 2}, {"InstanceType": "ml.m5.large"}]
    job["ProcessingResources"] = {"ClusterConfig": {"InstancePreferences": preferences, "VolumeSizeInGB": 1}}
    asker.call("CreateProcessingJob", **job)
    told = asker.call("DescribeProcessingJob", ProcessingJobName="Clean-it")["ProcessingResources"]["ClusterConfig"]
    assert (told["SelectedInstanceType"], told["SelectedInstanceCount"]) == ("ml.m5.xlarge", 2)
    assert told["InstancePreferences"] == preferences


def read(**members: Any) -> dict[str, Any]:
    return {"ProcessingInputs": [{"InputName": "x", "S3Input": {**SOURCE, **members}}]}


def asked(kind: str = "AthenaDatasetDefinition", **members: Any) -> dict[str, Any]:
    """A job with a query as its input."""
    around = {"LocalPath": members.pop("LocalPath", f"{ROOT}/asked"), "InputMode": "File"}
    redshift = {"ClusterId": "c", "DbUser": "u", "ClusterRoleArn": "arn:aws:iam::123456789012:role/R"}
    definition = {**ATHENA, **members} if kind.startswith("Athena") else {**redshift, **ATHENA}
    definition = {name: value for name, value in definition.items() if name != "Catalog" or kind.startswith("Athena")}
    return {"ProcessingInputs": [{"InputName": "x", "DatasetDefinition": {**around, kind: definition}}]}


def written(*outputs: dict[str, Any]) -> dict[str, Any]:
    return {"ProcessingOutputConfig": {"Outputs": list(outputs)}}


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        (read(S3CompressionType="Gzip"), "can only be used with S3InputMode Pipe"),
        (read(LocalPath=f"{ROOT}/../x"), "begins with /opt/ml/processing/"),
        (read(LocalPath="/opt/ml/processing-not"), "begins with /opt/ml/processing/"),
        ({"ProcessingInputs": [{"InputName": "x"}]}, "exactly one of S3Input and DatasetDefinition"),
        (asked(LocalPath="/tmp"), "begins with /opt/ml/processing/"),
        (asked(QueryString="SELECT 'a"), "SYNTAX_ERROR"),
        (asked(QueryString="DROP TABLE t"), "must be a SELECT"),
        (asked(Catalog="hive"), "no data catalog hive"),
        (asked(OutputFormat="JSON", OutputCompression="ZLIB"), "can be GZIP, not ZLIB"),
        (asked("RedshiftDatasetDefinition"), "it has no Redshift"),
        ({"ProcessingInputs": [{"InputName": "../x", "S3Input": SOURCE}]}, "without a slash"),
        ({"ProcessingInputs": [{"InputName": "x", "S3Input": SOURCE}] * 2}, "an InputName of its own: x"),
        (written({"OutputName": "y"}), "exactly one of S3Output and FeatureStoreOutput"),
        (written({"OutputName": "y", "S3Output": {**TARGET, "LocalPath": "/"}}), "begins with /opt/ml/processing/"),
        (
            written({"OutputName": "y", "FeatureStoreOutput": {"FeatureGroupName": "f"}}),
            "the job's program puts the records",
        ),
        ({"ProcessingResources": {"ClusterConfig": {"VolumeSizeInGB": 1}}}, "needs InstanceType and InstanceCount"),
    ],
)
def test_what_cannot_be_is_refused(asker: Asker, job: dict[str, Any], members: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence) as refused:
        asker.call("CreateProcessingJob", **{**job, **members})
    assert refused.value.code == "ValidationException"
    assert asker.call("ListProcessingJobs")["ProcessingJobSummaries"] == []


def test_what_the_job_manages_itself_needs_no_place(asker: Asker, job: dict[str, Any]) -> None:
    source, target = ({k: v for k, v in each.items() if k != "LocalPath"} for each in (SOURCE, TARGET))
    members = {
        "ProcessingInputs": [{"InputName": "x", "AppManaged": True, "S3Input": source}],
        **written(
            {"OutputName": "y", "AppManaged": True, "S3Output": target},
            {"OutputName": "z", "AppManaged": True, "FeatureStoreOutput": {"FeatureGroupName": "f"}},
        ),
    }
    asker.call("CreateProcessingJob", **job, **members)
    assert asker.call("DescribeProcessingJob", ProcessingJobName="Clean-it")["ProcessingInputs"][0]["AppManaged"]
