"""A processing job whose server is killed goes on, and the next server ends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
WAIT = "cd /opt/ml/processing/out; printf begun >begun; until [ -e go ]; do sleep 0.1; done; echo it goes on"


def clients(server: Any) -> Callable[[str], Any]:
    settings = server.environment()
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    session = boto3.Session(*(settings.get(name) for name in names), region_name="us-east-1")
    return lambda service: session.client(service, endpoint_url=f"http://127.0.0.1:{server.port}")


def test_a_job_outlives_its_server(own_server: Any, role: str, eventually: Callable[..., Any]) -> None:
    client = clients(own_server)
    s3, sagemaker = client("s3"), client("sagemaker")
    s3.create_bucket(Bucket="own")
    target = {"S3Uri": "s3://own/out", "LocalPath": "/opt/ml/processing/out", "S3UploadMode": "Continuous"}
    sagemaker.create_processing_job(
        ProcessingJobName="long",
        RoleArn=role,
        AppSpecification={"ImageUri": SKLEARN, "ContainerEntrypoint": ["sh", "-c", WAIT]},
        ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": target}]},
        ProcessingResources={"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}},
    )
    eventually(lambda: s3.list_objects_v2(Bucket="own").get("Contents"))
    own_server.kill()
    (begun,) = own_server.data.glob("tasks/*/ml/processing/out/begun")
    own_server.start()
    assert sagemaker.describe_processing_job(ProcessingJobName="long")["ProcessingJobStatus"] == "InProgress"
    (begun.parent / "go").write_text("on")
    sagemaker.get_waiter("processing_job_completed_or_stopped").wait(
        ProcessingJobName="long", WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="own")["Contents"]]
    assert keys == ["out/begun", "out/go"]
    logs = client("logs")
    said = logs.filter_log_events(logGroupName="/aws/sagemaker/ProcessingJobs", logStreamNamePrefix="long/")["events"]
    assert [event["message"] for event in said if not event["message"].startswith("sagewright:")] == ["it goes on"]
