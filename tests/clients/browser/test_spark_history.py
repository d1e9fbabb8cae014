"""Spark's own pages, opened from the page of a job that has kept its event log."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from playwright.sync_api import Page, expect

from .conftest import PICTURES

SPARK = "173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.3-cpu-py39-v1.0"
EVENTS = "/opt/ml/processing/spark-events"
APPLICATION = "averages <script>document.title = 'mine'</script>"
LOG: list[dict[str, Any]] = [
    {"Event": "SparkListenerLogStart", "Spark Version": "3.5.9"},
    {
        "Event": "SparkListenerApplicationStart",
        "App Name": APPLICATION,
        "App ID": "local-1",
        "Timestamp": 1764500000000,
        "User": "ada",
    },
    {
        "Event": "SparkListenerEnvironmentUpdate",
        **{f"{what} Properties": {} for what in ("Spark", "Hadoop", "System", "Metrics")},
        "JVM Information": {},
        "Classpath Entries": {},
    },
    {"Event": "SparkListenerApplicationEnd", "Timestamp": 1764500060000},
]


@pytest.fixture
def job(role: str, bucket: str) -> str:
    """A job that leaves the event log of an application: what Spark writes, without the time that Spark takes."""
    sagemaker, name = boto3.client("sagemaker"), "spark-events"
    write = f"import os; print(*(os.environ[n] for n in 'ABCD'), sep='\\n', file=open('{EVENTS}/local-1', 'w'))"
    output = {"S3Uri": f"s3://{bucket}/spark-events", "LocalPath": EVENTS, "S3UploadMode": "Continuous"}
    sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=role,
        AppSpecification={
            "ImageUri": SPARK,
            "ContainerEntrypoint": ["python3", "-c", write, "--local-spark-event-logs-dir", f"{EVENTS}/"],
        },
        Environment={name: json.dumps(event, separators=(",", ":")) for name, event in zip("ABCD", LOG, strict=True)},
        ProcessingOutputConfig={"Outputs": [{"OutputName": "events", "S3Output": output}]},
        ProcessingResources={"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}},
    )
    sagemaker.get_waiter("processing_job_completed_or_stopped").wait(
        ProcessingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 300}
    )
    return name


def test_a_jobs_page_leads_to_spark(page: Page, picture: Callable[[str], None], job: str) -> None:
    page.goto(f"/#/processing-jobs/{job}")
    button = page.get_by_role("button", name="Spark UI")
    expect(button).to_be_visible()
    picture("processing-job-spark")
    with page.context.expect_page() as opened:
        button.click()
    spark = opened.value
    spark.wait_for_url("**.spark.us-east-1.localhost**", timeout=120_000)
    expect(spark.get_by_role("cell", name=APPLICATION)).to_be_visible()
    assert spark.title() == "History Server"
    assert not [each for each in spark.context.cookies(spark.url) if each["name"] == "sagewright-console"]
    spark.screenshot(path=PICTURES / "spark-history.png")
    spark.get_by_role("link", name="local-1").click()
    expect(spark.get_by_text("Spark Jobs")).to_be_visible()
    spark.close()
