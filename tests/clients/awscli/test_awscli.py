"""The AWS CLI as people type it."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Aws = Callable[..., Any]
Unique = Callable[[str], str]


@pytest.fixture
def box(aws: Aws, unique: Unique) -> str:
    url = f"s3://{unique('cli-box')}"
    aws("s3", "mb", url)
    return url


def test_who_am_i(aws: Aws, role: str) -> None:
    told = aws("sts", "get-caller-identity")
    assert told["Account"] == "123456789012"
    assert told["Arn"].split("/")[1] == role.split("/")[-1]


def test_files_are_copied_listed_and_removed(aws: Aws, box: str, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("one")
    aws("s3", "cp", str(tmp_path / "one.txt"), f"{box}/dir/one.txt")
    assert "PRE dir/" in aws("s3", "ls", f"{box}/")
    assert aws("s3", "cp", f"{box}/dir/one.txt", "-") == "one"
    aws("s3", "rm", f"{box}/dir/one.txt")
    assert aws("s3", "ls", box) == ""
    aws("s3", "rb", box)
    assert "NoSuchBucket" in aws("s3", "ls", box, fails=True)


def test_a_folder_is_synced_both_ways(aws: Aws, box: str, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "sub").mkdir(parents=True)
    (here / "large.bin").write_bytes(bytes(9 * 1024 * 1024))  # above the CLI's threshold: travels in parts
    (here / "sub" / "ä b.txt").write_text("x")
    for path in (here / "large.bin", here / "sub" / "ä b.txt"):
        os.utime(path, (1_700_000_000, 1_700_000_000))  # S3 counts whole seconds: older than any upload
    aws("s3", "sync", str(here), box)
    assert aws("s3", "sync", str(here), box) == ""  # nothing left to do
    aws("s3", "sync", box, str(there))
    assert (there / "large.bin").stat().st_size == 9 * 1024 * 1024
    assert (there / "sub" / "ä b.txt").read_text() == "x"
    (here / "large.bin").unlink()
    aws("s3", "sync", "--delete", str(here), box)
    assert "large.bin" not in aws("s3", "ls", "--recursive", box)
    aws("s3", "rb", "--force", box)


def test_a_job_is_trained(aws: Aws, job_request: Callable[..., Any], eventually: Callable[..., Any]) -> None:
    request = job_request(**{"n-estimators": 20})
    name = request["TrainingJobName"]
    made = aws("sagemaker", "create-training-job", "--cli-input-json", json.dumps(request))
    assert made["TrainingJobArn"].endswith(f":training-job/{name}")
    describe = ("sagemaker", "describe-training-job", "--training-job-name", name)
    eventually(lambda: aws(*describe)["TrainingJobStatus"] != "InProgress")
    aws("sagemaker", "wait", "training-job-completed-or-stopped", "--training-job-name", name)
    assert aws(*describe)["TrainingJobStatus"] == "Completed"
    listed = aws(
        "sagemaker", "list-training-jobs", "--name-contains", name, "--query", "TrainingJobSummaries[].TrainingJobName"
    )
    assert listed == [name]


def test_the_jobs_log_is_read(aws: Aws, trained: dict[str, Any]) -> None:
    group = ("--log-group-name", "/aws/sagemaker/TrainingJobs")
    prefix = ("--log-stream-name-prefix", trained["TrainingJobName"])
    streams = aws("logs", "describe-log-streams", *group, *prefix)["logStreams"]
    events = aws("logs", "get-log-events", *group, "--log-stream-name", streams[0]["logStreamName"])["events"]
    assert any("validation:rmse=" in event["message"] for event in events)
    assert "validation:rmse=" in aws("logs", "filter-log-events", *group, *prefix, "--output", "text")


def test_an_endpoint_is_made_invoked_and_taken_down(
    aws: Aws,
    container: dict[str, Any],
    role: str,
    rows: list[list[float]],
    unique: Unique,
    eventually: Callable[..., Any],
    tmp_path: Path,
) -> None:
    name = unique("cli")
    aws("sagemaker", "create-model", "--model-name", name, "--execution-role-arn", role,
        "--primary-container", json.dumps(container))  # fmt: skip
    aws("sagemaker", "create-endpoint-config", "--endpoint-config-name", name, "--production-variants",
        f"VariantName=AllTraffic,ModelName={name},InitialInstanceCount=1,InstanceType=ml.m5.large")  # fmt: skip
    aws("sagemaker", "create-endpoint", "--endpoint-name", name, "--endpoint-config-name", name)
    describe = ("sagemaker", "describe-endpoint", "--endpoint-name", name)
    eventually(lambda: aws(*describe)["EndpointStatus"] != "Creating")
    aws("sagemaker", "wait", "endpoint-in-service", "--endpoint-name", name)
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    aws("sagemaker-runtime", "invoke-endpoint", "--endpoint-name", name, "--content-type", "application/json",
        "--body", f"fileb://{tmp_path}/rows.json", str(tmp_path / "out.json"))  # fmt: skip
    assert len(json.loads((tmp_path / "out.json").read_text())) == 3
    aws("sagemaker", "delete-endpoint", "--endpoint-name", name)
    eventually(lambda: gone(aws, name))
    assert "Could not find endpoint" in aws(*describe, fails=True)
    aws("sagemaker", "delete-endpoint-config", "--endpoint-config-name", name)
    aws("sagemaker", "delete-model", "--model-name", name)


def gone(aws: Aws, endpoint: str) -> bool:
    """Whether an endpoint is in no list any more."""
    found = aws("sagemaker", "list-endpoints", "--name-contains", endpoint, "--query", "Endpoints[].EndpointName")
    return endpoint not in found


def test_an_error_is_told_as_aws_tells_it(aws: Aws) -> None:
    text = aws("sagemaker", "describe-model", "--model-name", "nobody", fails=True)
    assert "(ValidationException) when calling the DescribeModel operation: Could not find model" in text
