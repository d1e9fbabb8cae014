"""Offline stores as Iceberg tables, with a failure at any step: each row is in the table once."""

from __future__ import annotations

import asyncio
import io
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fastavro
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagewright.base.errors import AwsError
from sagewright.controllers.offline_store import OfflineStores
from sagewright.dataplane.features import iceberg_upkeep, parquet_joining
from sagewright.dataplane.features.changes import Change
from sagewright.dataplane.features.groups import FeatureStore, group_of
from sagewright.store.memory import MemoryStore
from sagewright.testing.clock import ManualClock

from .test_offline_store import KEY, RECORD

_FEATURES = [{"FeatureName": name, "FeatureType": "String"} for name in ("id", "time")]
_OFFLINE = {**RECORD.spec["OfflineStoreConfig"], "TableFormat": "Iceberg"}
ICEBERG = replace(RECORD, spec={**RECORD.spec, "FeatureDefinitions": _FEATURES, "OfflineStoreConfig": _OFFLINE})


class World:
    """A group, S3 and Glue that fail when they are told to, before or after they did what was asked."""

    def __init__(self, folder: Path) -> None:
        self.store = MemoryStore()
        self.record = self.store.create(ICEBERG)
        self.clock = ManualClock()
        self.features = FeatureStore(self.store, folder, self.clock)
        self.objects: dict[str, bytes] = {}
        self.table: dict[str, Any] | None = None
        self.failures: list[int] = []
        """How the next calls fail: 0 not, 1 before, 2 after it was done."""
        self.puts = 0

    def look(self) -> None:
        """Another server's look at all outboxes."""
        OfflineStores(self.features, self.store, lambda _role, _region: self, self._ask, self.clock).look_at_all()

    def put_bytes(self, bucket: str, key: str, data: bytes) -> None:
        with self._failing():
            before = self.objects.setdefault(f"s3://{bucket}/{key}", data)
            assert before == data, "an object changed its content"

    def materialise(self, bucket: str, key: str, target: Path) -> None:
        target.write_bytes(self.objects[f"s3://{bucket}/{key}"])

    def remove(self, bucket: str, key: str) -> None:
        with self._failing():
            self.objects.pop(f"s3://{bucket}/{key}", None)

    def _ask(self, _service: str, operation: str, request: Any, **_place: str) -> dict[str, Any]:
        with self._failing():
            if operation == "GetTable":
                if self.table is None:
                    raise AwsError("EntityNotFoundException", "none")
                return {"Table": self.table}
            if operation == "CreateTable" and self.table is not None:
                raise AwsError("AlreadyExistsException", "there")
            if operation in ("CreateTable", "UpdateTable"):
                self.table = request["TableInput"]
            return {}

    def _failing(self) -> Failing:
        return Failing(self.failures.pop(0) if self.failures else 0)

    def put(self, *times: str) -> list[str]:
        layout = group_of(self.store.get(KEY) or self.record).offline
        self.puts += 1
        names = [f"{self.puts}-{number}" for number in range(len(times))]

        async def all_of_them() -> None:
            for name, time in zip(names, times, strict=True):
                change = Change("put", name, 1, {"id": name, "time": time}, asked=5_000_000, offline=layout)
                await self.features.files.change("uid", change)

        asyncio.run(all_of_them())
        self.clock.advance(1.0)
        return names

    def document(self) -> Any:
        assert self.table is not None
        return orjson.loads(self.objects[self.table["Parameters"]["metadata_location"]])

    def data_files(self, snapshot: int | None = None) -> list[Any]:
        """The files of a snapshot, the current one unless said."""
        document = self.document()
        wanted = snapshot or document["current-snapshot-id"]
        found: list[Any] = []
        for each in document["snapshots"]:
            for manifest in self._avro(each["manifest-list"]) if each["snapshot-id"] == wanted else ():
                entries = self._avro(manifest["manifest_path"])
                assert all(entry["snapshot_id"] is not None for entry in entries)
                found += [entry["data_file"] for entry in entries if entry["status"] != 2]
        return found

    def _avro(self, uri: str) -> list[Any]:
        return list(fastavro.reader(io.BytesIO(self.objects[uri])))

    def there(self, snapshot: int | None = None) -> Counter[str]:
        found: Counter[str] = Counter()
        for file in self.data_files(snapshot):
            rows = identifiers(self.objects[file["file_path"]])
            assert len(rows) == file["record_count"]
            found.update(rows)
        return found


def identifiers(data: bytes) -> list[str]:
    """The values of a file's first column, none of which is missing."""
    file = parquet_joining.opened(data)
    assert file is not None
    _, _, place, length = file.chunks[0]
    found = []
    for page, _ in parquet_joining._pages(data, place, length):
        at = 4 + struct.unpack_from("<I", page)[0]
        while at < len(page):
            size = struct.unpack_from("<I", page, at)[0]
            found.append(page[at + 4 : at + 4 + size].decode())
            at += 4 + size
    return found


class Failing:
    """Raises before or after what is done within."""

    def __init__(self, how: int) -> None:
        self._how = how

    def __enter__(self) -> None:
        if self._how == 1:
            raise AwsError("AccessDenied", "Not now.")

    def __exit__(self, kind: object, *_: object) -> None:
        if self._how == 2 and kind is None:
            raise AwsError("AccessDenied", "Done, but nobody hears of it.")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.features.close()


def test_a_table_is_there_with_the_group_and_its_files_are_of_one_day_each(world: World) -> None:
    world.look()
    assert world.document()["snapshots"] == []
    world.put("2026-01-01T10:00:00Z", "2026-01-01T23:00:00Z", "2026-01-02T00:00:00Z")
    world.look()
    files = world.data_files()
    assert sorted((each["partition"]["time_trunc"], each["record_count"]) for each in files) == [
        ("2026-01-01", 2), ("2026-01-02", 1)
    ]  # fmt: skip
    assert {each["file_path"].partition("/data/")[0] for each in files} == {"s3://b/place"}
    assert world.table is not None
    assert world.table["Parameters"]["table_type"] == "ICEBERG"
    assert [each["Type"] for each in world.table["StorageDescriptor"]["Columns"]] == [
        "string", "string", "timestamp", "timestamp", "boolean"
    ]  # fmt: skip


def test_features_that_are_added_become_columns_and_others_keep_their_numbers(world: World) -> None:
    world.put("2026-01-01T10:00:00Z")
    world.look()
    before = world.document()["schemas"][-1]["fields"]
    spec = {**ICEBERG.spec, "FeatureDefinitions": [*_FEATURES, {"FeatureName": "new", "FeatureType": "Integral"}]}
    world.record = world.store.update(replace(world.store.get(KEY) or world.record, spec=spec))
    world.look()
    after = world.document()["schemas"][-1]["fields"]
    assert after == [*before, {"id": 6, "name": "new", "required": False, "type": "long"}]
    world.put("2026-01-01T10:00:00Z")
    world.look()
    assert sum(world.there().values()) == 2


def test_a_table_that_somebody_took_from_the_catalog_is_made_anew(world: World) -> None:
    world.put("2026-01-01T10:00:00Z")
    world.look()
    world.table = None
    later = world.put("2026-01-02T10:00:00Z")
    world.look()
    assert list(world.there()) == later


def test_what_is_no_document_blocks_the_store_and_loses_nothing(world: World) -> None:
    world.look()
    assert world.table is not None
    place = world.table["Parameters"]["metadata_location"]
    kept, world.objects[place] = world.objects[place], b"[]"
    world.put("2026-01-02T10:00:00Z")
    world.look()
    record = world.store.get(KEY)
    assert record is not None
    assert "no document" in record.status["OfflineStoreStatus"]["BlockedReason"]
    world.objects[place] = kept
    world.look()
    assert sum(world.there().values()) == 1


_TIMES = st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T09:00:00Z", "2026-02-01T00:00:00Z"])


@pytest.fixture
def tended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are kept small from the beginning."""
    tend(monkeypatch)


def tend(patch: pytest.MonkeyPatch) -> None:
    for name, value in (("MANIFESTS", 3), ("_FEWEST", 2), ("SNAPSHOTS", 6), ("_NEWEST", 2), ("_KEPT", ())):
        patch.setattr(iceberg_upkeep, name, value)


@pytest.mark.usefixtures("tended")
def test_a_trickle_of_records_leaves_few_files_manifests_snapshots_and_objects(world: World) -> None:
    names: list[str] = []
    for number in range(60):
        names += world.put(f"2026-01-0{number % 2 + 1}T00:00:00Z")
        world.look()
    assert world.there() == Counter(names)
    document = world.document()
    assert len(document["snapshots"]) <= 6
    assert len(world.data_files()) <= 12
    current = next(each for each in document["snapshots"] if each["snapshot-id"] == document["current-snapshot-id"])
    assert len(world._avro(current["manifest-list"])) <= 4
    assert current["summary"]["total-records"] == "60"
    assert int(current["summary"]["total-data-files"]) == len(world.data_files())
    kinds = Counter(key.rpartition(".")[2] for key in world.objects)
    assert kinds["parquet"] <= 30
    assert kinds["avro"] <= 24
    assert kinds["json"] <= 101


@pytest.mark.usefixtures("tended")
def test_snapshots_that_are_remembered_are_whole_and_joining_changes_no_rows(world: World) -> None:
    before: Counter[str] = Counter()
    for _ in range(20):
        world.put("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
        world.look()
        document = world.document()
        for each in document["snapshots"]:
            rows = world.there(each["snapshot-id"])
            assert sum(rows.values()) == int(each["summary"]["total-records"])
        assert before < world.there()
        before = world.there()
    assert {each["summary"]["operation"] for each in document["snapshots"]} == {"append", "replace"}


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(
    batches=st.lists(st.lists(_TIMES, min_size=1, max_size=4), min_size=1, max_size=9),
    failures=st.lists(st.sampled_from([0, 0, 0, 1, 2]), max_size=60),
)
def test_each_row_is_in_the_table_once_whatever_fails(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[str]], failures: list[int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        tend(patch)
        world = World(tmp_path_factory.mktemp("world"))
        world.failures = failures
        names = []
        for batch in batches:
            names += world.put(*batch)
            world.look()
        while world.failures:
            world.look()
        world.look()
        assert world.there() == Counter(names)
        for each in world.document()["snapshots"]:
            world.there(each["snapshot-id"])
        world.features.close()
