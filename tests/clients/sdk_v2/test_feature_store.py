"""A notebook that puts a table of cars into a feature group, with many workers, and reads it back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

pd = pytest.importorskip("pandas")


@pytest.fixture
def cars() -> Any:
    """As many as there are in Auto MPG, with its columns; every tenth does not say how strong it is."""
    numbers = range(392)
    return pd.DataFrame(
        {
            "mpg": [10.0 + number % 37 for number in numbers],
            "cylinders": [4 + number % 3 * 2 for number in numbers],
            "horsepower": [None if number % 10 == 0 else 50.0 + number % 150 for number in numbers],
            "name": pd.Series([f"car {number}" for number in numbers], dtype="string"),
            "id": list(numbers),
            "time": [1_767_225_600.0 + number for number in numbers],
        }
    )


def test_a_frame_is_ingested_by_many_workers(session: Any, role: str, unique: Callable[[str], str], cars: Any) -> None:
    from sagemaker.feature_store.feature_group import FeatureGroup

    group = FeatureGroup(name=unique("cars"), sagemaker_session=session)
    group.load_feature_definitions(data_frame=cars)
    bucket = session.default_bucket()
    group.create(
        s3_uri=f"s3://{bucket}/features",
        record_identifier_name="id",
        event_time_feature_name="time",
        role_arn=role,
        enable_online_store=True,
    )
    assert group.describe()["FeatureGroupStatus"] == "Created"
    group.ingest(data_frame=cars, max_workers=2, max_processes=2, wait=True)

    for number in (0, len(cars) - 1):
        found = {each["FeatureName"]: each["ValueAsString"] for each in group.get_record(str(number))}
        assert (found["name"], float(found["mpg"])) == (cars["name"][number], cars["mpg"][number])
        # What a frame does not know is no feature of the record.
        assert ("horsepower" in found) == bool(cars["horsepower"].notna()[number])

    prefix = group.describe()["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"].partition(f"{bucket}/")[2]
    s3 = session.boto_session.client("s3")
    for _ in range(600):
        if "Contents" in s3.list_objects_v2(Bucket=bucket, Prefix=prefix):
            break
        time.sleep(0.1)
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
    assert all("/year=2026/month=01/day=01/hour=00/" in key for key in keys)
    assert group.athena_query().table_name == group.describe()["OfflineStoreConfig"]["DataCatalogConfig"]["TableName"]
    group.delete()


def test_rows_that_are_no_records_are_named(session: Any, role: str, unique: Callable[[str], str], cars: Any) -> None:
    """The others are there; of the wrong ones nothing is."""
    from sagemaker.feature_store.feature_group import FeatureGroup, IngestionError

    some = cars.head(12).copy()
    group = FeatureGroup(name=unique("cars"), sagemaker_session=session)
    group.load_feature_definitions(data_frame=some)
    group.create(
        s3_uri=False,
        record_identifier_name="id",
        event_time_feature_name="time",
        role_arn=role,
        enable_online_store=True,
    )
    wrong = some.astype(object)
    wrong.loc[1, "time"] = "yesterday"
    wrong.loc[2, "cylinders"] = "many"
    wrong.loc[3, "id"] = None
    wrong.loc[4, "name"] = "x" * 350 * 1024
    wrong.loc[5, "mpg"] = float("inf")
    for workers in (1, 3):
        with pytest.raises(IngestionError) as told:
            group.ingest(data_frame=wrong, max_workers=workers, wait=True)
        assert sorted(told.value.failed_rows) == [1, 2, 3, 4, 5]
        assert [number for number in range(12) if group.get_record(str(number)) is None] == [1, 2, 3, 4, 5]
    with pytest.raises(IngestionError) as told:
        group.ingest(data_frame=some.assign(garden=1), max_workers=1, wait=True)
    assert len(told.value.failed_rows) == len(some), "there is no such feature"
    group.delete()


def test_what_fills_a_group_is_told_to_its_lineage(session: Any, role: str, unique: Callable[[str], str]) -> None:
    from sagemaker.feature_store.feature_group import FeatureGroup
    from sagemaker.lineage.artifact import Artifact
    from sagemaker.lineage.association import Association
    from sagemaker.lineage.context import Context
    from sagemaker.lineage.query import LineageFilter, LineageQuery, LineageQueryDirectionEnum

    name = unique("traced")
    group = FeatureGroup(name=name, sagemaker_session=session)
    group.load_feature_definitions(data_frame=pd.DataFrame({"id": [1], "time": [1.0]}))
    group.create(
        s3_uri=False,
        record_identifier_name="id",
        event_time_feature_name="time",
        role_arn=role,
        enable_online_store=True,
    )
    # The SDK's feature processors, which need Spark, load contexts by these names.
    stem = f"{name}-{group.describe()['CreationTime'].strftime('%s')}-feature-group-pipeline"
    found = [Context.load(each, sagemaker_session=session) for each in (stem, f"{stem}-version")]
    assert [each.context_type for each in found] == ["FeatureGroupPipeline", "FeatureGroupPipelineVersion"]
    source = f"s3://{session.default_bucket()}/{name}.csv"
    raw = Artifact.create("raw", source, artifact_type="DataSet", sagemaker_session=session)
    Association.create(raw.artifact_arn, found[1].context_arn, "ContributedTo", sagemaker_session=session)
    told = LineageQuery(session).query(
        [found[1].context_arn],
        query_filter=LineageFilter(),
        direction=LineageQueryDirectionEnum.ASCENDANTS,
        include_edges=False,
    )
    assert raw.artifact_arn in [each.arn for each in told.vertices]
