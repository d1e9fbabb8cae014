"""Datasets of feature groups, as the SDK's builder makes them by Athena: joins, time travel, deletions."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pd = pytest.importorskip("pandas")

pytestmark = pytest.mark.usefixtures("hurried", "elsewhere")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The builder keeps what it downloads in the working directory for a while."""
    monkeypatch.chdir(tmp_path)
    yield
    assert os.listdir(tmp_path) == []


class Groups:
    """Feature groups and what was put into them."""

    def __init__(self, session: Any, role: str, unique: Callable[[str], str]) -> None:
        self.session, self.role, self.unique = session, role, unique
        self.bucket = session.default_bucket()
        self.runtime = session.boto_session.client("sagemaker-featurestore-runtime")

    def make(self, stem: str, table_format: str, time_kind: str, *features: str) -> Any:
        from sagemaker.feature_store.feature_definition import FeatureDefinition, FeatureTypeEnum
        from sagemaker.feature_store.feature_group import FeatureGroup
        from sagemaker.feature_store.inputs import TableFormatEnum

        group = FeatureGroup(name=self.unique(stem), sagemaker_session=self.session)
        kinds = {"id": "Integral", "time": time_kind} | dict.fromkeys(features, "Fractional")
        group.feature_definitions = [FeatureDefinition(name, FeatureTypeEnum(kind)) for name, kind in kinds.items()]
        group.create(
            s3_uri=f"s3://{self.bucket}/features",
            record_identifier_name="id",
            event_time_feature_name="time",
            role_arn=self.role,
            enable_online_store=True,
            table_format=TableFormatEnum(table_format),
        )
        return group

    def put(self, group: Any, identifier: int, when: Any, **values: float) -> None:
        given = {"id": identifier, "time": when, **values}
        record = [{"FeatureName": name, "ValueAsString": str(value)} for name, value in given.items()]
        self.runtime.put_record(FeatureGroupName=group.name, Record=record)

    def delete(self, group: Any, identifier: int, when: Any) -> None:
        named = {"FeatureGroupName": group.name, "RecordIdentifierValueAsString": str(identifier)}
        self.runtime.delete_record(**named, EventTime=str(when))

    def settled(self, group: Any, many: int) -> None:
        """Wait until so many rows are offline, by Athena's own count."""
        for _ in range(600):
            with suppress(Exception):
                query = group.athena_query()
                query.run(f'SELECT count(*) AS n FROM "{query.table_name}"', f"s3://{self.bucket}/counts")
                query.wait()
                if query.as_dataframe()["n"][0] == many:
                    return
            time.sleep(0.5)
        raise AssertionError(f"{many} rows of {group.name} are not offline")


@pytest.fixture(scope="module")
def groups(session: Any, role: str, unique: Callable[[str], str]) -> Groups:
    return Groups(session, role, unique)


@pytest.fixture(scope="module")
def store(session: Any) -> Any:
    from sagemaker.feature_store.feature_store import FeatureStore

    return FeatureStore(session)


@pytest.fixture(scope="module")
def cars(groups: Groups) -> Any:
    """Two cars whose speed changes, times in seconds; what a third one had was deleted, but for what came after."""
    group = groups.make("cars", "Iceberg", "Fractional", "speed")
    for identifier, when, speed in ((1, 100.0, 10), (1, 200.0, 20), (1, 200.0, 21), (2, 100.0, 30), (3, 100.0, 40)):
        groups.put(group, identifier, when, speed=speed)
    groups.delete(group, 3, 150.0)
    groups.put(group, 3, 300.0, speed=41)
    return group


@pytest.fixture(scope="module")
def places(groups: Groups) -> Any:
    """Where cars 1 and 2 are, times as text."""
    group = groups.make("places", "Glue", "String", "x")
    for identifier, second, x in ((1, "00:01:00", 1), (1, "00:02:30", 2), (2, "00:03:00", 3)):
        groups.put(group, identifier, f"1970-01-01T{second}Z", x=x)
    return group


@pytest.fixture(scope="module")
def offline(groups: Groups, cars: Any, places: Any) -> None:
    groups.settled(cars, 7)
    groups.settled(places, 3)


def made(builder: Any, *columns: str) -> list[tuple[Any, ...]]:
    frame, _query = builder.to_dataframe()
    return sorted(frame[list(columns)].itertuples(index=False, name=None))


@pytest.mark.usefixtures("offline")
def test_records_with_their_histories(store: Any, groups: Groups, cars: Any) -> None:
    def dataset() -> Any:
        return store.create_dataset(cars, output_path=f"s3://{groups.bucket}/sets")

    newest = dataset().with_number_of_recent_records_by_record_identifier(1)
    assert made(newest, "id", "time", "speed") == [(1, 200.0, 21.0), (2, 100.0, 30.0), (3, 300.0, 41.0)]
    assert len(made(dataset(), "id")) == 4
    assert made(dataset().include_deleted_records(), "id", "time") == [(1, 100), (1, 200), (2, 100), (3, 100), (3, 300)]
    assert len(made(dataset().include_duplicated_records(), "id")) == 5
    between = dataset().with_event_time_range(datetime.fromtimestamp(150, UTC), datetime.fromtimestamp(250, UTC))
    assert made(between, "id", "speed") == [(1, 21.0)]
    assert made(dataset().as_of(pd.Timestamp("2001-01-01")), "id") == []
    place, query = dataset().with_number_of_records_from_query_results(2).to_csv_file()
    assert (place[:5], place[-4:], query[:4]) == ("s3://", ".csv", "WITH")


@pytest.mark.usefixtures("offline")
def test_labels_get_the_features_of_their_time(store: Any, groups: Groups, cars: Any, places: Any) -> None:
    labels = pd.DataFrame({"label": [1, 2, 3, 4], "car": [1, 1, 2, 3], "at": [120.0, 260.0, 200.0, 200.0]})

    def dataset(kind: str) -> Any:
        from sagemaker.feature_store.dataset_builder import JoinTypeEnum

        builder = store.create_dataset(
            labels,
            output_path=f"s3://{groups.bucket}/sets",
            record_identifier_feature_name="label",
            event_time_identifier_feature_name="at",
        )
        more = {"target_feature_name_in_base": "car", "join_type": JoinTypeEnum(kind)}
        builder.with_feature_group(cars, included_feature_names=["speed"], **more)
        builder.with_feature_group(places, included_feature_names=["x"], **more)
        return builder.point_in_time_accurate_join().with_number_of_recent_records_by_record_identifier(1)

    inner = made(dataset("JOIN"), "label", "speed.1", "x.2")
    assert inner == [(1, 10.0, 1.0), (2, 21.0, 2.0), (3, 30.0, 3.0)]
    frame, _ = dataset("LEFT JOIN").to_dataframe()
    assert frame.set_index("label")["x.2"].fillna(-1).to_dict() == {1: 1.0, 2: 2.0, 3: 3.0, 4: -1.0}


@pytest.mark.usefixtures("offline")
def test_the_first_group_is_joined_with_the_second(store: Any, groups: Groups, cars: Any, places: Any) -> None:
    builder = store.create_dataset(cars, output_path=f"s3://{groups.bucket}/sets")
    builder.with_feature_group(places, included_feature_names=["x"]).point_in_time_accurate_join()
    assert made(builder, "id", "time", "x.1") == [(1, 100.0, 1.0), (1, 200.0, 1.0), (1, 200.0, 2.0)]
