"""From outboxes to objects, with a failure at any step: each row is there once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagewright.base.errors import AwsError
from sagewright.controllers.offline_store import OfflineStores
from sagewright.dataplane.features import parquet
from sagewright.dataplane.features.changes import Change
from sagewright.dataplane.features.groups import KIND, FeatureStore, group_of
from sagewright.resources.record import Key, Record
from sagewright.store.memory import MemoryStore
from sagewright.testing.clock import ManualClock

KEY = Key("123456789012", "us-east-1", KIND, "", "houses")
RECORD = Record(
    KEY,
    "uid",
    0.0,
    0.0,
    state="Created",
    spec={
        "RecordIdentifierFeatureName": "id",
        "EventTimeFeatureName": "time",
        "FeatureDefinitions": [
            {"FeatureName": "id", "FeatureType": "String"},
            {"FeatureName": "time", "FeatureType": "Fractional"},
        ],
        "OnlineStoreConfig": {"EnableOnlineStore": True},
        "OfflineStoreConfig": {
            "S3StorageConfig": {"S3Uri": "s3://b", "ResolvedOutputS3Uri": "s3://b/place/data"},
            "DataCatalogConfig": {"Catalog": "c", "Database": "d", "TableName": "t"},
        },
        "RoleArn": "arn:aws:iam::123456789012:role/r",
    },
    status={"FeatureGroupArn": "arn", "OfflineStoreStatus": {"Status": "Active"}},
    facets={"OfflineStoreStatus": "Active"},
)


class World:
    """A group, S3 and Glue that fail when they are told to."""

    def __init__(self, folder: Path) -> None:
        self.store = MemoryStore()
        self.record = self.store.create(RECORD)
        self.clock = ManualClock()
        self.features = FeatureStore(self.store, folder, self.clock)
        self.objects: dict[str, Any] = {}
        self.asked: list[tuple[str, Any]] = []
        self.failures: list[bool] = []
        """Whether the next writes fail, in their order."""
        self.offline = self.anew()

    def anew(self) -> OfflineStores:
        """Another server's."""
        return OfflineStores(self.features, self.store, lambda _role, _region: self, self._ask, self.clock)

    def put_bytes(self, bucket: str, key: str, data: bytes) -> None:
        before = self.objects.setdefault(f"{bucket}/{key}", data)
        assert before == data, "an object changed its content"
        self._may_fail()

    def materialise(self, bucket: str, key: str, target: Path) -> object:
        target.write_bytes(self.objects[f"{bucket}/{key}"])
        return None

    def remove(self, bucket: str, key: str) -> None:
        self.objects.pop(f"{bucket}/{key}", None)

    def _ask(self, _service: str, operation: str, request: Any, **_place: str) -> dict[str, Any]:
        self.asked.append((operation, request))
        self._may_fail()
        return {}

    def _may_fail(self) -> None:
        if self.failures and self.failures.pop(0):
            raise AwsError("AccessDenied", "The role may not.")

    def put(self, *times: int) -> None:
        layout = group_of(self.record).offline

        async def all_of_them() -> None:
            for time in times:
                values: dict[str, Any] = {"id": f"{time}", "time": f"{time}"}
                change = Change("put", f"{time}", time * 1_000_000, values, asked=5_000_000, offline=layout)
                await self.features.files.change("uid", change)

        asyncio.run(all_of_them())

    def status(self) -> Any:
        found = self.store.get(KEY)
        return None if found is None else found.status["OfflineStoreStatus"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.features.close()


def test_records_are_in_the_hour_of_their_event_and_in_the_table(world: World) -> None:
    world.put(1_700_000_000, 10)
    world.offline.look_at_all()
    folders = sorted(key.rpartition("/")[0] for key in world.objects)
    assert folders == [
        "b/place/data/year=1970/month=01/day=01/hour=00",
        "b/place/data/year=2023/month=11/day=14/hour=22",
    ]
    names = [operation for operation, _ in world.asked]
    assert names == ["CreateDatabase", "CreateTable", "BatchCreatePartition"]
    table = world.asked[1][1]["TableInput"]["StorageDescriptor"]["Columns"]
    assert [each["Type"] for each in table] == ["string", "double", "timestamp", "timestamp", "boolean"]
    assert [each["Values"] for each in world.asked[2][1]["PartitionInputList"]] == [
        ["2023", "11", "14", "22"], ["1970", "01", "01", "00"]
    ]  # fmt: skip


def test_a_store_that_cannot_be_written_says_so_and_loses_nothing(world: World) -> None:
    world.put(1)
    world.offline.look_at_all()
    world.put(2)
    world.failures = [True]
    world.offline.look_at_all()
    assert world.status() == {"Status": "Blocked", "BlockedReason": "The role may not."}
    world.offline.look_at_all()
    assert (world.status(), len(world.objects)) == ({"Status": "Active"}, 2)


def test_a_deleted_group_gives_away_what_waits_before_its_folder_goes(world: World, tmp_path: Path) -> None:
    world.put(1)
    world.store.delete(world.record)
    world.failures = [True]
    world.offline.look_at_all()
    assert (tmp_path / "uid").is_dir()
    world.offline.look_at_all()
    assert len(world.objects) == 1
    assert not (tmp_path / "uid").exists()


def test_features_that_are_added_are_in_the_table_and_in_later_files(world: World) -> None:
    world.put(1)
    definitions = [*RECORD.spec["FeatureDefinitions"], {"FeatureName": "new", "FeatureType": "Integral"}]
    world.record = world.store.update(replace(world.record, spec={**RECORD.spec, "FeatureDefinitions": definitions}))
    world.put(2)
    world.offline.look_at_all()
    last = [request for operation, request in world.asked if operation == "CreateTable"][-1]
    assert {"Name": "new", "Type": "bigint"} in last["TableInput"]["StorageDescriptor"]["Columns"]
    assert sorted(b"new" in data for data in world.objects.values()) == [False, True]


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(
    batches=st.lists(st.lists(st.sampled_from([1, 2, 4_000, 9_000]), min_size=1, max_size=4), min_size=1, max_size=4),
    failures=st.lists(st.booleans(), max_size=20),
)
def test_each_row_is_written_once_whatever_fails(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]], failures: list[bool]
) -> None:
    rows: dict[bytes, int] = {}
    kept = parquet.written

    def counted(columns: Any, many: int) -> bytes:
        data = kept(columns, many)
        rows[data] = many
        return data

    world = World(tmp_path_factory.mktemp("world"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "written", counted)
        world.failures = failures
        for batch in batches:
            world.put(*batch)
            world.clock.advance(1.0)
            world.offline = world.anew()
            world.offline.look_at_all()
        while world.failures:
            world.put(7)
            batches.append([7])
            world.offline.look_at_all()
        world.offline.look_at_all()
    world.features.close()
    assert sum(rows[data] for data in world.objects.values()) == sum(map(len, batches))
