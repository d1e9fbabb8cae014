"""Cars by model year in a feature group, put with boto3, and what was known of them at a moment: the same as pandas
says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import awswrangler as wr
import boto3
import pandas as pd
import pytest
from pyathena import connect
from pyathena.pandas.cursor import PandasCursor

from ..cars import ByYear, assert_same, cars, newest

KINDS = {"name": "String", "event_time": "String", "mpg": "Fractional", "weight": "Integral", "cyl": "Integral"}


@dataclass(frozen=True)
class Fleet:
    """The group with all cars in it."""

    group: str
    rows: pd.DataFrame
    story: ByYear
    database: str
    table: str
    results: str


@pytest.fixture(scope="module")
def fleet(role: str, unique: Callable[[str], str], eventually: Callable[..., Any]) -> Fleet:
    sagemaker, s3, bucket = boto3.client("sagemaker"), boto3.client("s3"), unique("fleet")
    s3.create_bucket(Bucket=bucket)
    name, rows = unique("cars"), cars()
    sagemaker.create_feature_group(
        FeatureGroupName=name,
        RecordIdentifierFeatureName="name",
        EventTimeFeatureName="event_time",
        FeatureDefinitions=[{"FeatureName": each, "FeatureType": kind} for each, kind in KINDS.items()],
        OnlineStoreConfig={"EnableOnlineStore": True},
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": f"s3://{bucket}/store"}},
        RoleArn=role,
    )
    runtime = boto3.client("sagemaker-featurestore-runtime")
    config = sagemaker.describe_feature_group(FeatureGroupName=name)["OfflineStoreConfig"]
    place = config["S3StorageConfig"]["ResolvedOutputS3Uri"] + "/"
    catalog = config["DataCatalogConfig"]
    partitions = {"DatabaseName": catalog["Database"], "TableName": catalog["TableName"]}

    def ingest(year: pd.DataFrame) -> None:
        for row in year.to_dict("records"):
            record = [{"FeatureName": each, "ValueAsString": str(value)} for each, value in row.items()]
            runtime.put_record(FeatureGroupName=name, Record=record)

    def arrived(many: int) -> None:
        def there() -> bool:
            return _any(place) and sum(map(len, wr.s3.read_parquet(place, chunked=True))) == many

        eventually(there)
        years = rows["event_time"][:many].nunique()
        eventually(lambda: len(boto3.client("glue").get_partitions(**partitions)["Partitions"]) == years)

    story = ByYear(rows, ingest, arrived)
    return Fleet(name, rows, story, catalog["Database"], catalog["TableName"], f"s3://{bucket}/results/")


def _any(place: str) -> bool:
    return bool(wr.s3.list_objects(place))


def test_the_newest_of_each_car_is_online(fleet: Fleet) -> None:
    runtime = boto3.client("sagemaker-featurestore-runtime")
    last = newest(fleet.rows).set_index("name")
    asked = ["ford pinto", "plymouth reliant", "toyota corolla"]
    batch = [{"FeatureGroupName": fleet.group, "RecordIdentifiersValueAsString": [*asked, "no such car"]}]
    found = {
        each["RecordIdentifierValueAsString"]: {one["FeatureName"]: one["ValueAsString"] for one in each["Record"]}
        for each in runtime.batch_get_record(Identifiers=batch)["Records"]
    }
    assert sorted(found) == asked
    for name, record in found.items():
        assert (record["event_time"], float(record["mpg"])) == (last["event_time"][name], last["mpg"][name])
    one = runtime.get_record(FeatureGroupName=fleet.group, RecordIdentifierValueAsString="ford pinto")["Record"]
    assert {each["FeatureName"]: each["ValueAsString"] for each in one} == found["ford pinto"]


def test_what_was_known_at_a_moment_is_what_pandas_says(fleet: Fleet) -> None:
    for question, expected in fleet.story.questions(fleet.table):
        wrangled = wr.athena.read_sql_query(question, fleet.database, s3_output=fleet.results, ctas_approach=False)
        with connect(s3_staging_dir=fleet.results, schema_name=fleet.database) as connection:
            read = connection.cursor(PandasCursor).execute(question).as_pandas()
        for found in (wrangled, read):
            assert_same(found, expected)


def test_each_car_beside_its_model_of_before(fleet: Fleet) -> None:
    """Windows over all rows, and an aggregate over them: whether models became lighter."""
    query = f"""
        WITH models AS (
            SELECT name, CAST(year AS integer) AS model_year, avg(weight) AS weight FROM "{fleet.table}" GROUP BY 1, 2),
        changes AS (
            SELECT model_year, weight - lag(weight) OVER (PARTITION BY name ORDER BY model_year) AS change FROM models)
        SELECT model_year, count(change) AS models, avg(change) AS change FROM changes
        WHERE change IS NOT NULL GROUP BY model_year ORDER BY model_year
    """
    found = wr.athena.read_sql_query(query, fleet.database, s3_output=fleet.results, ctas_approach=False)
    rows = fleet.rows.assign(model_year=fleet.rows["event_time"].str[:4].astype(int))
    models = rows.groupby(["name", "model_year"], as_index=False)["weight"].mean().sort_values(["name", "model_year"])
    changes = models.assign(change=models.groupby("name")["weight"].diff()).dropna()
    expected = changes.groupby("model_year")["change"].agg(["count", "mean"])
    assert found["model_year"].tolist() == expected.index.tolist()
    assert found["models"].tolist() == expected["count"].tolist()
    assert found["change"].tolist() == pytest.approx(expected["mean"].tolist())
