"""A feature group whose offline store is an Iceberg table, as PyIceberg finds it in Glue's catalog."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import awswrangler as wr
import boto3
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import GreaterThanOrEqual


def _catalog() -> Catalog:
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    keys = {"access-key-id": "AWS_ACCESS_KEY_ID", "secret-access-key": "AWS_SECRET_ACCESS_KEY"}
    keys["session-token"] = "AWS_SESSION_TOKEN"
    told = {f"s3.{key}": os.environ[name] for key, name in keys.items()}
    return load_catalog("glue", type="glue", **told, **{"s3.endpoint": endpoint, "s3.region": "us-east-1"})


def test_pyiceberg_reads_a_groups_table_and_adds_to_it(
    box: str, role: str, unique: Callable[[str], str], eventually: Callable[..., Any]
) -> None:
    sagemaker, runtime = boto3.client("sagemaker"), boto3.client("sagemaker-featurestore-runtime")
    name = unique("trips")
    kinds = {"id": "Integral", "at": "String", "miles": "Fractional"}
    sagemaker.create_feature_group(
        FeatureGroupName=name,
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="at",
        FeatureDefinitions=[{"FeatureName": each, "FeatureType": kind} for each, kind in kinds.items()],
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": f"s3://{box}"}, "TableFormat": "Iceberg"},
        RoleArn=role,
    )

    def put(identifier: int, day: int) -> None:
        values = {"id": identifier, "at": f"2026-01-0{day}T00:00:00Z", "miles": identifier / 7}
        record = [{"FeatureName": key, "ValueAsString": str(value)} for key, value in values.items()]
        runtime.put_record(FeatureGroupName=name, Record=record)

    config = sagemaker.describe_feature_group(FeatureGroupName=name)["OfflineStoreConfig"]
    catalog, place = _catalog(), (config["DataCatalogConfig"]["Database"], config["DataCatalogConfig"]["TableName"])

    def rows(many: int) -> Any:
        try:
            found = catalog.load_table(place).scan().to_arrow()
        except NoSuchTableError:
            return None
        return found if len(found) == many else None

    for identifier, day in ((1, 1), (2, 1), (3, 2)):
        put(identifier, day)
    found = eventually(lambda: rows(3)).sort_by("id").to_pydict()
    assert (found["id"], found["miles"], found["is_deleted"]) == ([1, 2, 3], [1 / 7, 2 / 7, 3 / 7], [False] * 3)
    table = catalog.load_table(place)
    assert [field.name for field in table.spec().fields] == ["at_trunc"]
    assert len(list(table.scan(row_filter=GreaterThanOrEqual("at", "2026-01-02")).plan_files())) == 1

    # Whoever else commits to the table, and changes it, is not in the way of what comes next.
    with table.transaction() as change:
        change.set_properties({"history.expire.max-snapshot-age-ms": "86400000"})
    put(4, 3)
    eventually(lambda: rows(4))
    table = catalog.load_table(place)
    assert table.properties["history.expire.max-snapshot-age-ms"] == "86400000"
    first = table.history()[0].snapshot_id
    then = len(table.scan(snapshot_id=first).to_arrow())
    assert then < 4
    asked: dict[str, Any] = {"database": place[0], "s3_output": f"s3://{box}/results/", "ctas_approach": False}
    counted = wr.athena.read_sql_query(f"SELECT count(*) AS n FROM {place[1]} FOR VERSION AS OF {first}", **asked)
    assert list(counted["n"]) == [then]
