"""A feature processor of the SDK v3 as a remote Spark function: lines of a file become records of a group."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import boto3

PARTS = ("mlops", "serve", "train")
"""Of the SDK, beside what its remote functions bring. The image has most of what they need themselves."""
TIME = 1_767_225_600.0
HURRIED = {"Classification": "spark-defaults", "Properties": {
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    "spark.sql.shuffle.partitions": "1",
}}  # fmt: skip


def test_a_feature_processor_is_a_remote_spark_function(
    bucket: str, unique: Callable[[str], str], hurry: Callable[[Any], None]
) -> None:
    from sagemaker.core.remote_function import client, job
    from sagemaker.core.remote_function.spark_config import SparkConfig

    hurry(client)
    hurry(job)
    kinds = {"id": "Integral", "time": "Fractional", "liters": "Fractional", "code": "String"}
    name = unique("processed")
    made = boto3.client("sagemaker").create_feature_group(
        FeatureGroupName=name,
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="time",
        FeatureDefinitions=[{"FeatureName": each, "FeatureType": kind} for each, kind in kinds.items()],
        OnlineStoreConfig={"EnableOnlineStore": True},
    )
    lines = f"id,time,liters,code\n7,{TIME},9.5,AS\n".encode()
    boto3.client("s3").put_object(Bucket=bucket, Key=f"{name}/ready/cars.csv", Body=lines)
    packages = [f"{each}=={version(each)}" for each in (f"sagemaker-{part}" for part in PARTS)]

    @client.remote(
        instance_type="ml.m5.large",
        spark_config=SparkConfig(configuration=[HURRIED]),
        pre_execution_commands=[
            f"pip install --quiet --no-deps {' '.join(packages)}",
            f"pip install --quiet pyiceberg=={version('pyiceberg')}",
        ],
    )
    def process(place: str, output: str) -> str:
        from pyspark.sql import SparkSession
        from sagemaker.mlops.feature_store.feature_processor import CSVDataSource, feature_processor

        @feature_processor(inputs=[CSVDataSource(place)], output=output)
        def take(table: Any) -> Any:
            return table

        take()
        return str(SparkSession.getActiveSession().conf.get("spark.sql.shuffle.partitions"))

    assert process(f"s3://{bucket}/{name}/ready/", made["FeatureGroupArn"]) == "1"
    runtime = boto3.client("sagemaker-featurestore-runtime")
    record = runtime.get_record(FeatureGroupName=name, RecordIdentifierValueAsString="7")["Record"]
    found = {each["FeatureName"]: each["ValueAsString"] for each in record}
    assert (found["code"], found["liters"]) == ("AS", "9.5")
