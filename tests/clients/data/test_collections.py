"""Lists, sets and vectors of a feature group: online, in its files, and in its table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awswrangler as wr
import boto3
import pytest
from botocore.exceptions import ClientError

KINDS = {
    "id": {"FeatureType": "String"},
    "at": {"FeatureType": "Fractional"},
    "ranks": {"FeatureType": "Integral", "CollectionType": "List"},
    "tags": {"FeatureType": "String", "CollectionType": "Set"},
    "place": {
        "FeatureType": "Fractional",
        "CollectionType": "Vector",
        "CollectionConfig": {"VectorConfig": {"Dimension": 3}},
    },
}
QUERY = "SELECT id, cardinality(ranks) AS many, ranks[1] AS first, contains(tags, 'b') AS b FROM \"{}\" ORDER BY id"


@pytest.mark.parametrize("table_format", ["Glue", "Iceberg"])
def test_collections(
    box: str, role: str, unique: Callable[[str], str], eventually: Callable[..., Any], table_format: str
) -> None:
    sagemaker, runtime = boto3.client("sagemaker"), boto3.client("sagemaker-featurestore-runtime")
    name = unique("many")
    sagemaker.create_feature_group(
        FeatureGroupName=name,
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="at",
        FeatureDefinitions=[{"FeatureName": each, **kind} for each, kind in KINDS.items()],
        OnlineStoreConfig={"EnableOnlineStore": True, "StorageType": "InMemory"},
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": f"s3://{box}"}, "TableFormat": table_format},
        RoleArn=role,
    )

    def put(**values: Any) -> None:
        record = [
            {"FeatureName": each, "ValueAsStringList" if isinstance(value, list) else "ValueAsString": value}
            for each, value in values.items()
        ]
        runtime.put_record(FeatureGroupName=name, Record=record)

    put(id="x", at="1", ranks=["3", "1", "3"], tags=["b", "a", "b"], place=["0", "0.5", "1"])
    put(id="y", at="1", ranks=["7"])
    for wrong in ({"place": ["0", "1"]}, {"ranks": "3"}, {"ranks": ["three"]}, {"id": ["x"]}):
        with pytest.raises(ClientError, match="ValidationError"):
            put(**{"id": "z", "at": "1", **wrong})
    record = runtime.get_record(FeatureGroupName=name, RecordIdentifierValueAsString="x")["Record"]
    found = {each["FeatureName"]: each.get("ValueAsStringList") or each["ValueAsString"] for each in record}
    assert (found["ranks"], sorted(found["tags"]), found["place"]) == (["3", "1", "3"], ["a", "b"], ["0", "0.5", "1"])

    catalog = sagemaker.describe_feature_group(FeatureGroupName=name)["OfflineStoreConfig"]["DataCatalogConfig"]
    database, table = catalog["Database"], catalog["TableName"]

    def rows() -> list[dict[str, Any]]:
        tables = boto3.client("glue").get_tables(DatabaseName=database)["TableList"]
        if table not in [each["Name"] for each in tables]:
            return []
        output = f"s3://{box}/results/"
        read = wr.athena.read_sql_query(QUERY.format(table), database, s3_output=output, ctas_approach=False)
        plain = read.astype(object).where(lambda frame: frame.notna(), None)
        return list(plain.to_dict("records")) if len(read) == 2 else []

    assert eventually(rows) == [
        {"id": "x", "many": 3, "first": 3, "b": True},
        {"id": "y", "many": 1, "first": 7, "b": None},
    ]
