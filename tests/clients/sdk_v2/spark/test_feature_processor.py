"""Feature processors of the SDK v2, in a Spark job and as a remote function: real cars from an offline store and S3 are
joined, and the features that come of it are in both stores of another group."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pd = pytest.importorskip("pandas")
pytestmark = pytest.mark.usefixtures("hurried")

CARS = Path(__file__).parents[2] / "samples" / "auto-mpg.csv"
CODES = {"America": "US", "Europe": "EU", "Asia": "AS"}
TIME = 1_767_225_600.0
HURRIED = {"Classification": "spark-defaults", "Properties": {
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    "spark.sql.shuffle.partitions": "1",
}}  # fmt: skip

APP = """
import json, sys
from sagemaker.feature_store.feature_processor import (
    CSVDataSource, FeatureGroupDataSource, ParquetDataSource, feature_processor,
)
source, origins, parquet, target, archive = sys.argv[1:]
FIRST = "id < 100"

@feature_processor(inputs=[CSVDataSource(origins)], output=target, enable_ingestion=False)
def prepare(table):
    table.write.parquet(parquet.replace("s3:", "s3a:"))

@feature_processor(inputs=[FeatureGroupDataSource(source), ParquetDataSource(parquet)], output=target)
def join(cars, origins):
    joined = cars.where(FIRST).join(origins, cars.origin == origins.name)
    return joined.selectExpr("id", "time", "235.215 / mpg AS liters", "code")

@feature_processor(inputs=[FeatureGroupDataSource(source)], output=archive, target_stores=["OfflineStore"])
def keep(cars):
    return cars.where(FIRST).select("id", "time", "mpg")

@feature_processor(inputs=[FeatureGroupDataSource(source)], output=target)
def forget(cars):
    return cars.where("id IN (200, 201)").selectExpr("nullif(id, 201) AS id", "time", "mpg AS liters")

@feature_processor(inputs=[FeatureGroupDataSource(source)], output=target)
def misspell(cars):
    return cars.selectExpr("id", "time", "mpg AS litres")

told = {}
for function in (prepare, join, keep, forget, misspell):
    try:
        function()
    except Exception as problem:
        told[function.__name__] = f"{type(problem).__name__}: {problem}"
with open("/opt/ml/processing/output/told.json", "w") as file:
    json.dump(told, file)
"""


@pytest.fixture(scope="module")
def cars() -> Any:
    found = pd.read_csv(CARS)[["mpg", "origin"]].astype({"origin": "string"})
    found["id"], found["time"] = range(len(found)), TIME
    return found


@pytest.fixture(scope="module")
def group(session: Any, role: str, unique: Callable[[str], str]) -> Callable[..., Any]:
    """A new feature group with an online and an offline store."""
    from sagemaker.feature_store.feature_group import FeatureGroup

    def group(frame: Any, place: str, **options: Any) -> Any:
        made = FeatureGroup(name=unique("processed"), sagemaker_session=session)
        made.load_feature_definitions(data_frame=frame)
        made.create(f"s3://{place}/features", "id", "time", role, enable_online_store=True, **options)
        return made

    return group


def processed(group: Callable[..., Any], place: str) -> Any:
    """A group for what comes of the cars."""
    code = pd.Series(["AS"], dtype="string")
    return group(pd.DataFrame({"id": [1], "time": [TIME], "liters": [8.0], "code": code}), place)


def rows(group: Any, bucket: str) -> Any:
    """What Athena finds in an offline store."""
    query = group.athena_query()
    query.run(f'SELECT * FROM "{query.table_name}" ORDER BY id', f"s3://{bucket}/queries")
    query.wait()
    return query.as_dataframe()


def offline(group: Any, bucket: str, count: int, eventually: Callable[..., Any]) -> Any:
    """The rows of an offline store, once there are so many."""
    eventually(lambda: len(rows(group, bucket)) >= count)
    return rows(group, bucket)


def arn(group: Any) -> str:
    return str(group.describe()["FeatureGroupArn"])


def test_features_are_made_of_an_offline_store_and_of_files(
    session: Any,
    role: str,
    bucket: str,
    cars: Any,
    group: Callable[..., Any],
    tmp_path: Path,
    eventually: Callable[..., Any],
) -> None:
    from sagemaker.processing import ProcessingOutput
    from sagemaker.spark.processing import PySparkProcessor

    source, target = group(cars, session.default_bucket()), processed(group, bucket)
    session.boto_session.client("s3").create_bucket(Bucket="only-written-by-spark")
    archive = group(cars[["id", "time", "mpg"]], "only-written-by-spark")
    source.ingest(cars, max_workers=4, wait=True)
    offline(source, bucket, len(cars), eventually)
    lines = "".join(f"{name},{code}\n" for name, code in CODES.items())
    session.upload_string_as_file_body(f"name,code\n{lines}", bucket, "origins/origins.csv")

    (tmp_path / "app.py").write_text(APP)
    processor = PySparkProcessor(
        base_job_name="features",
        framework_version="3.3",
        role=role,
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
    )
    processor.run(
        submit_app=str(tmp_path / "app.py"),
        arguments=[source.name, f"s3://{bucket}/origins/", f"s3://{bucket}/origins.parquet", arn(target), arn(archive)],
        outputs=[ProcessingOutput(output_name="told", source="/opt/ml/processing/output")],
        configuration=[HURRIED],
        logs=False,
    )
    place, prefix = processor.latest_job.outputs[0].destination.removeprefix("s3://").split("/", 1)
    told = json.loads(session.read_s3_file(place, f"{prefix}/told.json"))
    assert told.keys() == {"forget", "misspell"}

    wanted = cars[cars["id"] < 100]
    codes = wanted["origin"].map(CODES)
    found = {each["FeatureName"]: each["ValueAsString"] for each in target.get_record("3")}
    assert (found["code"], float(found["liters"])) == (codes[3], pytest.approx(235.215 / cars["mpg"][3]))
    # One record more: that of the function one of whose records could not be put.
    table = offline(target, bucket, len(wanted) + 1, eventually)
    assert list(table["id"]) == [*wanted["id"], 200]
    assert list(table["code"][:-1]) == list(codes)
    assert list(table["liters"][:-1]) == pytest.approx(list(235.215 / wanted["mpg"]))

    # What Spark wrote there by itself is not in the online store, and its partitions nobody told the catalog of.
    query = archive.athena_query()
    query.run(f"MSCK REPAIR TABLE {query.table_name}", f"s3://{bucket}/queries")
    query.wait()
    written = rows(archive, bucket)
    assert (list(written["id"]), list(written["mpg"])) == (list(wanted["id"]), list(wanted["mpg"]))
    assert archive.get_record("3") is None

    assert told["forget"].startswith("IngestionError")
    assert "1 records failed to be ingested" in told["forget"]
    assert target.get_record("201") is None
    assert "litres" in told["misspell"]


def test_a_feature_processor_is_a_remote_spark_function(
    session: Any, bucket: str, group: Callable[..., Any], hurry: Callable[[Any], None]
) -> None:
    from sagemaker.remote_function import remote
    from sagemaker.remote_function.spark_config import SparkConfig

    target = processed(group, bucket)
    session.upload_string_as_file_body(f"id,time,liters,code\n7,{TIME},9.5,AS\n", bucket, "ready/cars.csv")

    @remote(instance_type="ml.m5.large", spark_config=SparkConfig(configuration=[HURRIED]), sagemaker_session=session)
    def process(place: str, output: str) -> str:
        from pyspark.sql import SparkSession
        from sagemaker.feature_store.feature_processor import CSVDataSource, feature_processor

        @feature_processor(inputs=[CSVDataSource(place)], output=output)
        def take(table: Any) -> Any:
            return table

        take()
        return str(SparkSession.getActiveSession().conf.get("spark.sql.shuffle.partitions"))

    assert process(f"s3://{bucket}/ready/", arn(target)) == "1"
    found = {each["FeatureName"]: each["ValueAsString"] for each in target.get_record("7")}
    assert (found["code"], found["liters"]) == ("AS", "9.5")
