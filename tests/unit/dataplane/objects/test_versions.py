"""Versions, on each store: what a put, a delete and a removal leave, and what a crash between them may not lose."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.base.ids import RandomIds
from sagewright.dataplane.objects import places
from sagewright.dataplane.objects.base import Objects, place_of, place_past
from sagewright.dataplane.objects.values import (
    NULL,
    BucketNotEmpty,
    Deleted,
    NoSuchObject,
    NoSuchVersion,
    ObjectInfo,
)
from sagewright.dataplane.objects.versions import Removed
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store, Write
from sagewright.store.memory import MemoryStore

Left = Callable[[], list[str]]
LARGE = os.urandom(9000)


def version(objects: Objects, status: str | None) -> None:
    objects.buckets.configure("bucket", lambda _: {"Versioning": status})


def put(objects: Objects, data: bytes, key: str = "k") -> str:
    return objects.put_bytes("bucket", key, data).version


def read(objects: Objects, wanted: str | None = None, key: str = "k") -> bytes:
    opened = objects.open("bucket", key, wanted)
    return opened.info.data if opened.path is None else opened.path.read_bytes()


def listed(objects: Objects, key: str = "k") -> list[tuple[str, bool]]:
    return [(info.version, info.marker) for info in objects.version_page("bucket") if info.key == key]


def test_every_version_stays_readable(objects: Objects) -> None:
    version(objects, "Enabled")
    bodies = {put(objects, data): data for data in (b"1", LARGE, b"3")}
    assert {name: read(objects, name) for name in bodies} == bodies
    assert read(objects) == b"3"
    assert listed(objects) == [(name, False) for name in reversed(bodies)]
    assert [info.key for info in objects.page("bucket")] == ["k"]


def test_what_was_there_before_versioning_is_the_null_version(objects: Objects) -> None:
    put(objects, LARGE)
    version(objects, "Enabled")
    new = put(objects, b"2")
    assert (read(objects), read(objects, NULL)) == (b"2", LARGE)
    assert listed(objects) == [(new, False), (NULL, False)]


def test_while_suspended_there_is_one_null_version(objects: Objects, files: Left) -> None:
    put(objects, LARGE)
    version(objects, "Enabled")
    kept = put(objects, b"2")
    version(objects, "Suspended")
    assert put(objects, b"3") == NULL
    assert listed(objects) == [(NULL, False), (kept, False)]
    assert files() == []
    put(objects, b"4")
    assert listed(objects) == [(NULL, False), (kept, False)]
    assert objects.delete("bucket", "k") == Removed(NULL, marker=True, existed=True)
    assert listed(objects) == [(NULL, True), (kept, False)]
    put(objects, b"5")
    assert listed(objects) == [(NULL, False), (kept, False)]


def test_a_delete_marker_hides_and_its_removal_uncovers(objects: Objects) -> None:
    version(objects, "Enabled")
    kept = put(objects, LARGE)
    marker = objects.delete("bucket", "k")
    assert marker.marker
    assert marker.version is not None
    with pytest.raises(Deleted) as caught:
        objects.head("bucket", "k")
    assert caught.value.marker.version == marker.version
    assert read(objects, kept) == LARGE
    assert objects.head("bucket", "k", marker.version).marker
    assert objects.page("bucket") == []
    assert objects.delete("bucket", "k", marker.version) == Removed(marker.version, marker=True)
    assert read(objects) == LARGE
    assert listed(objects) == [(kept, False)]


def test_removing_the_newest_version_brings_back_the_one_before(objects: Objects, files: Left, clock: Any) -> None:
    version(objects, "Enabled")
    before = objects.put_bytes("bucket", "k", LARGE, attributes={"a": 1})
    clock.time += 100
    newest = put(objects, LARGE + b"2")
    objects.delete("bucket", "k", newest)
    info = objects.head("bucket", "k")
    assert (info.version, info.modified, info.attributes) == (before.version, before.modified, {"a": 1})
    assert len(files()) == 1
    objects.delete("bucket", "k", info.version)
    assert files() == []
    with pytest.raises(NoSuchObject):
        objects.head("bucket", "k")
    objects.buckets.delete("bucket")


def test_removing_an_older_version_changes_nothing_else(objects: Objects, files: Left) -> None:
    version(objects, "Enabled")
    first, second, third = (put(objects, LARGE + bytes([n])) for n in range(3))
    objects.delete("bucket", "k", second)
    assert listed(objects) == [(third, False), (first, False)]
    assert len(files()) == 2
    with pytest.raises(NoSuchVersion):
        objects.head("bucket", "k", second)
    assert objects.delete("bucket", "k", second) == Removed(second)


def test_a_marker_over_a_marker_stays_when_the_upper_one_goes(objects: Objects) -> None:
    version(objects, "Enabled")
    kept = put(objects, b"1")
    lower, upper = objects.delete("bucket", "k").version, objects.delete("bucket", "k").version
    assert upper is not None
    objects.delete("bucket", "k", upper)
    assert listed(objects) == [(str(lower), True), (kept, False)]
    with pytest.raises(Deleted):
        objects.head("bucket", "k")


def test_versions_keep_their_order_when_the_clock_goes_back(objects: Objects, clock: Any) -> None:
    version(objects, "Enabled")
    names = []
    for moment in (100.0, 50.0, 50.0, 10.0):
        clock.time = moment
        names.append(put(objects, b"x"))
    clock.time = 5.0
    marker = objects.delete("bucket", "k").version
    clock.time = 1.0
    names += [str(marker), put(objects, b"y")]
    assert [name for name, _ in listed(objects)] == names[::-1]


def test_many_deletes_in_one_commit_put_markers(objects: Objects) -> None:
    version(objects, "Enabled")
    put(objects, b"1", "a")
    done = objects.delete_many("bucket", ["a", "b", "a"])
    assert [(key, removed.marker, removed.existed) for key, removed in done.items()] == [
        ("a", True, True),
        ("b", True, False),
    ]
    assert objects.page("bucket") == []


def test_a_bucket_with_a_delete_marker_is_not_empty(objects: Objects) -> None:
    version(objects, "Enabled")
    objects.delete("bucket", "k")
    with pytest.raises(BucketNotEmpty):
        objects.buckets.delete("bucket")


def test_tags_and_what_is_kept_belong_to_one_version(objects: Objects) -> None:
    version(objects, "Enabled")
    first = put(objects, b"1")
    second = put(objects, b"2")
    objects.set_tags("bucket", "k", {"a": "b"}, first)
    objects.keep("bucket", "k", lambda _: {"LegalHold": "ON", "Gone": None}, first)
    assert objects.head("bucket", "k", first).tags == {"a": "b"}
    assert objects.head("bucket", "k", first).kept == {"LegalHold": "ON"}
    assert objects.head("bucket", "k", second).tags == objects.head("bucket", "k", second).kept == {}
    objects.delete("bucket", "k", second)
    assert objects.head("bucket", "k").kept == {"LegalHold": "ON"}
    put(objects, b"3")
    assert objects.head("bucket", "k").kept == {}


def test_versions_are_paged_without_loss(objects: Objects) -> None:
    version(objects, "Enabled")
    for key in ("a", "a\x01", "a\x00", "a/b", "a\x02\x01", "b"):
        for data in (b"1", b"2"):
            put(objects, data, key)
        objects.delete("bucket", key)
        put(objects, b"3", key)
    everything = objects.version_page("bucket")
    keys = [info.key for info in everything]
    assert keys == sorted(keys)
    assert len(everything) == 24
    paged: list[ObjectInfo] = []
    while page := objects.version_page("bucket", after=place_of(paged[-1]) if paged else None, limit=5):
        paged += page
    assert [(info.key, info.version) for info in paged] == [(info.key, info.version) for info in everything]
    assert {info.key for info in objects.version_page("bucket", prefix="a\x02")} == {"a\x02\x01"}
    assert objects.version_page("bucket", after=place_past("a\x02\x01"))[0].key == "a/b"


@given(st.text(max_size=6), st.text(max_size=6))
def test_names_of_versions_sort_as_their_keys(one: str, other: str) -> None:
    names = [places.name(key, "0") for key in (one, other)]
    assert (names[0] < names[1]) == (one < other)
    record = Record(Key("", "", "version", "b", names[0]), "", 0, 0, spec={"key": one})
    store = MemoryStore()
    store.create(record)
    assert [found.name for found in places.every(store, record.key)] == [names[0]]


# What a crash may not lose.


class Crash(BaseException):
    """The process dies here."""


def test_a_version_survives_a_crash_while_its_successor_is_written(
    start: Callable[[], Objects], store: Store, monkeypatch: pytest.MonkeyPatch, files: Left, marks: Left
) -> None:
    """The mark of a blob may outlive its move behind the current version."""
    objects = start()
    objects.buckets.create("bucket", "us-east-1")
    version(objects, "Enabled")
    first = objects.put_bytes("bucket", "k", LARGE)
    second = put(objects, LARGE + b"2")
    assert first.blob is not None
    blobs = objects._blobs
    blobs.doubt(first.blob, objects.home("bucket", "k"))
    write = store.write

    def crash(writes: Sequence[Write]) -> Sequence[Record]:
        write(writes)
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", crash)
        with pytest.raises(Crash):
            objects.delete("bucket", "k", second)
    again = start()
    assert read(again) == read(again, first.version) == LARGE
    assert len(files()) == 1
    assert marks() == []


def test_a_mark_with_a_versions_key_finds_the_blob_where_it_is_now(
    objects: Objects, start: Callable[[], Objects], store: Store
) -> None:
    version(objects, "Enabled")
    first = objects.put_bytes("bucket", "k", LARGE)
    second = put(objects, b"2")
    behind = places.behind(store, objects.home("bucket", "k"), limit=1)[0]
    assert first.blob is not None
    objects._blobs.doubt(first.blob, behind.key)
    objects.delete("bucket", "k", second)
    assert read(start()) == LARGE


def test_a_start_on_versions_reads_them(start: Callable[[], Objects], store: Store) -> None:
    objects = start()
    objects.buckets.create("bucket", "us-east-1")
    version(objects, "Enabled")
    bodies = {put(objects, data): data for data in (b"1", LARGE)}
    again = start()
    assert {name: read(again, name) for name in bodies} == bodies


def test_reading_the_current_version_asks_for_one_record(clock: Any, tmp_path: Any) -> None:
    class Counting(MemoryStore):
        asked = 0

        def get(self, key: Key) -> Record | None:
            self.asked += 1
            return super().get(key)

    store = Counting()
    objects = Objects(store, tmp_path, account="1", clock=clock, ids=RandomIds())
    objects.buckets.create("bucket", "us-east-1")
    version(objects, "Enabled")
    for _ in range(5):
        put(objects, b"x")
    objects.buckets.get("bucket")
    store.asked = 0
    objects.head("bucket", "k")
    objects.buckets.get("bucket")
    assert store.asked == 1
    objects.close()
