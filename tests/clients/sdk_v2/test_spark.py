"""Spark with the SDK v2: an application on two instances, with dependencies, settings and event logs, and one of which
a dependency is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.spark.processing import PySparkProcessor

pytestmark = pytest.mark.usefixtures("hurried")
ROOT = "/opt/ml/processing"

APP = """
import json, os, socket, sys
from pyspark.sql import SparkSession
import helper
spark = SparkSession.builder.appName("averages").getOrCreate()
rows = spark.read.csv(sys.argv[1]).repartition(4)
hosts = rows.rdd.mapPartitions(lambda part: [(socket.gethostname(), sum(float(row[13]) for row in part))])
told = {
    "hosts": hosts.collect(),
    "partitions": spark.conf.get("spark.sql.shuffle.partitions"),
    "mood": os.environ.get("MOOD"),
    "helper": helper.NAME,
}
rows.write.csv("/opt/ml/processing/output/rows")
spark.stop()
with open("/opt/ml/processing/output/told.json", "w") as file:
    json.dump(told, file)
"""


HURRIED = {
    "spark.sql.shuffle.partitions": "3",
    "spark.locality.wait": "0s",  # else what is small stays on the instance that has read the file
    **{f"spark.{who}.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1" for who in ("driver", "executor")},
}


def processor(session: Any, role: str, count: int = 1) -> PySparkProcessor:
    return PySparkProcessor(
        base_job_name="spark",
        framework_version="3.3",
        role=role,
        instance_count=count,
        instance_type="ml.m5.large",
        sagemaker_session=session,
    )


def test_an_application_works_on_two_instances_and_leaves_its_event_log(
    session: Any, role: str, uploaded: str, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "helper.py").write_text("NAME = 'helped'\n")
    made = processor(session, role, count=2)
    made.run(
        submit_app=str(tmp_path / "app.py"),
        submit_py_files=[str(tmp_path / "helper.py")],
        arguments=[f"{ROOT}/input/housing.csv"],
        inputs=[ProcessingInput(source=uploaded, destination=f"{ROOT}/input")],
        outputs=[ProcessingOutput(output_name="told", source=f"{ROOT}/output")],
        configuration=[
            {"Classification": "spark-defaults", "Properties": HURRIED},
            {
                "Classification": "spark-env",
                "Properties": {},
                "Configurations": [{"Classification": "export", "Properties": {"MOOD": "curious"}}],
            },
        ],
        spark_event_logs_s3_uri=f"s3://{bucket}/spark-events",
        logs=False,
    )
    target = made.latest_job.outputs[0].destination
    place, prefix = target.removeprefix("s3://").split("/", 1)
    told = json.loads(session.read_s3_file(place, f"{prefix}/told.json"))
    assert (told["partitions"], told["mood"], told["helper"]) == ("3", "curious", "helped")
    written = session.list_s3_files(place, prefix)
    parts = [session.read_s3_file(place, key) for key in written if key.endswith(".csv")]
    assert (len(parts), sum(len(part.splitlines()) for part in parts)) == (4, 506)
    assert {host for host, _ in told["hosts"]} == {"algo-1", "algo-2"}
    assert sum(value for _, value in told["hosts"]) == pytest.approx(11401.6)
    left = session.list_s3_files(bucket, "spark-events")
    (events,) = [key for key in left if not key.endswith((".inprogress", ".crc"))]  # what else Spark writes beside it
    assert "SparkListenerApplicationEnd" in session.read_s3_file(bucket, events)


def test_a_dependency_that_is_missing_says_so(session: Any, role: str, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("raise SystemExit(0)")
    made = processor(session, role)
    with pytest.raises(Exception, match=f"s3://{bucket}/no/such.zip could not be fetched"):
        made.run(submit_app=str(tmp_path / "app.py"), submit_py_files=[f"s3://{bucket}/no/such.zip"], logs=False)
