"""Spark with the SDK v3: an application with dependencies, settings and an event log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import boto3
from sagemaker.core.resources import ProcessingJob
from sagemaker.core.shapes import ProcessingOutput, ProcessingS3Output
from sagemaker.core.spark.processing import PySparkProcessor

ROOT = "/opt/ml/processing"
SETTINGS = {
    "spark.sql.shuffle.partitions": "3",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
}
APP = """
import json, sys
from pyspark import SparkFiles
from pyspark.sql import SparkSession
import helper
spark = SparkSession.builder.appName("words").getOrCreate()
words = open(SparkFiles.get("words.txt")).read().split()
told = {"count": spark.createDataFrame([(word,) for word in words], ["word"]).distinct().count()}
told |= {"helper": helper.NAME, "partitions": spark.conf.get("spark.sql.shuffle.partitions"), "words": sys.argv[1:]}
spark.stop()
with open("/opt/ml/processing/output/told.json", "w") as file:
    json.dump(told, file)
"""


def test_an_application_with_all_that_it_needs(
    role: str, bucket: str, unique: Callable[[str], str], tmp_path: Path
) -> None:
    for name, content in (("app.py", APP), ("helper.py", "NAME = 'helped'"), ("words.txt", "to be or not to be")):
        (tmp_path / name).write_text(content)
    prefix = unique("v3-spark")
    written = ProcessingS3Output(
        s3_uri=f"s3://{bucket}/{prefix}/told", local_path=f"{ROOT}/output", s3_upload_mode="EndOfJob"
    )
    processor = PySparkProcessor(
        role=role, framework_version="3.3", instance_count=1, instance_type="ml.m5.large", base_job_name="spark"
    )
    processor.run(
        submit_app=str(tmp_path / "app.py"),
        submit_py_files=[str(tmp_path / "helper.py")],
        submit_files=[str(tmp_path / "words.txt")],
        arguments=["--fast", "a b"],
        outputs=[ProcessingOutput(output_name="told", s3_output=written)],
        configuration={"Classification": "spark-defaults", "Properties": SETTINGS},
        spark_event_logs_s3_uri=f"s3://{bucket}/{prefix}/events",
        wait=False,
        logs=False,
    )
    job = ProcessingJob.get(processor.latest_job.processing_job_name)
    job.wait(poll=1, timeout=300, logs=False)
    assert job.processing_job_status == "Completed", job.failure_reason
    s3 = boto3.client("s3")
    told = json.loads(s3.get_object(Bucket=bucket, Key=f"{prefix}/told/told.json")["Body"].read())
    assert told == {"count": 4, "helper": "helped", "partitions": "3", "words": ["--fast", "a b"]}
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/events/local-")["Contents"]
    (log,) = [each["Key"] for each in listed if not each["Key"].endswith(".inprogress")]
    assert b'"App Name":"words"' in s3.get_object(Bucket=bucket, Key=log)["Body"].read()
