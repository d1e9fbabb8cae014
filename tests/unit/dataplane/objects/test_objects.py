"""What objects promise, on each store."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import SagewrightError
from sagewright.dataplane.objects.base import Objects
from sagewright.dataplane.objects.uploads import Upload
from sagewright.dataplane.objects.values import (
    INLINE_LIMIT,
    BucketExists,
    BucketNotEmpty,
    Content,
    NoSuchBucket,
    NoSuchObject,
    NoSuchUpload,
    ObjectInfo,
    TooMuch,
    split_uri,
)
from sagewright.dataplane.objects.versions import Removed
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store, Write

Left = Callable[[], list[str]]

LARGE = os.urandom(3 * INLINE_LIMIT)
SIZES = [0, 1, INLINE_LIMIT, INLINE_LIMIT + 1, 3 << 20]


HOME = Key("123456789012", "", "object", "bucket", "k")


def made(objects: Objects, data: bytes, key: str = "k") -> Content:
    return objects.contents.of_bytes(data, objects.home("bucket", key))


def part_of(objects: Objects, upload: Upload, number: int, data: bytes) -> Content:
    return objects.contents.of_bytes(data, objects.uploads.home(upload, number))


class Refused(SagewrightError):
    """What a test's check raises."""


def refuse(_current: ObjectInfo | None) -> None:
    raise Refused


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@pytest.mark.parametrize("size", SIZES)
def test_bytes_come_back_as_they_went_in(objects: Objects, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    info = objects.put_bytes("bucket", "a/b", data)
    assert (info.size, info.etag) == (size, hashlib.md5(data).hexdigest())
    assert objects.read("s3://bucket/a/b") == data
    target = tmp_path / "deep" / "file"
    assert objects.materialise("bucket", "a/b", target) == size
    assert target.read_bytes() == data
    path = objects.blob_path("bucket", "a/b")
    assert (path is None) == (size <= INLINE_LIMIT)
    assert path is None or path.read_bytes() == data


@pytest.mark.parametrize("size", SIZES)
def test_a_stream_is_stored_in_any_chunks(objects: Objects, size: int) -> None:
    data = os.urandom(size)

    class Seen:
        def __init__(self) -> None:
            self.data = b""

        def update(self, data: bytes) -> None:
            self.data += data

    seen = Seen()
    chunks = [data[i : i + 70_001] for i in range(0, size, 70_001)]
    content = asyncio.run(objects.contents.receive(stream(*chunks), HOME, watchers=[seen]))
    assert (content.size, content.md5) == (size, hashlib.md5(data).hexdigest())
    objects.put("bucket", "k", content)
    assert objects.read("s3://bucket/k") == data == seen.data


def test_a_file_is_copied_in_and_may_change_afterwards(objects: Objects, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(LARGE)
    md5 = hashlib.md5(LARGE).hexdigest()
    assert objects.put_file("bucket", "k", source).etag == md5
    assert objects.put_file("bucket", "known", source, md5=md5).etag == md5
    source.write_bytes(b"changed")
    assert objects.read("s3://bucket/k") == objects.read("s3://bucket/known") == LARGE


def test_what_a_task_writes_does_not_reach_the_stored_blob(objects: Objects, tmp_path: Path) -> None:
    objects.put_bytes("bucket", "k", LARGE)
    target = tmp_path / "task"
    target.write_text("in the way")
    objects.materialise("bucket", "k", target)
    with target.open("r+b") as file:
        file.write(b"XXXX")
    assert objects.read("s3://bucket/k") == LARGE


def test_keys_are_names_not_paths(objects: Objects) -> None:
    keys = ["a", "a/", "a/b", "a//b", "../x", "/", "ü", "a\nb", "x" * 1024]
    for key in keys:
        objects.put_bytes("bucket", key, key.encode())
    assert [key for key, _, _ in objects.list("bucket")] == sorted(keys)
    assert all(objects.read(f"s3://bucket/{key}") == key.encode() for key in keys)


def test_listing_is_by_prefix_and_in_pages(objects: Objects) -> None:
    for i in range(1005):
        objects.put_bytes("bucket", f"p/{i:04d}", b"x" * (i % 3))
    objects.put_bytes("bucket", "q", b"")
    found = list(objects.list("bucket", "p/"))
    assert len(found) == 1005
    assert found[4][:2] == ("p/0004", 1)
    with pytest.raises(NoSuchBucket):
        objects.list("none")


def test_what_is_missing_is_told_apart(objects: Objects, tmp_path: Path) -> None:
    with pytest.raises(NoSuchBucket):
        objects.read("s3://none/k")
    with pytest.raises(NoSuchObject):
        objects.materialise("bucket", "k", tmp_path / "f")
    with pytest.raises(NoSuchBucket):
        objects.put_bytes("none", "k", LARGE)
    with pytest.raises(NoSuchBucket):
        objects.delete("none", "k")
    assert objects.delete("bucket", "k") == Removed()
    assert not (tmp_path / "f").exists()


def test_overwriting_and_deleting_leave_no_file_behind(objects: Objects, files: Left, marks: Left) -> None:
    objects.put_bytes("bucket", "k", LARGE)
    objects.put_bytes("bucket", "k", LARGE + b"2")
    assert len(files()) == 1
    objects.put_bytes("bucket", "k", b"small")
    assert files() == []
    for key in "abc":
        objects.put_bytes("bucket", key, LARGE)
    objects.delete("bucket", "a")
    objects.delete_many("bucket", ["b", "c", "c", "none", "k"])
    assert files() == marks() == []
    assert list(objects.list("bucket")) == []


def test_a_reader_keeps_what_it_opened(objects: Objects, files: Left, marks: Left) -> None:
    objects.put_bytes("bucket", "k", LARGE)
    opened = objects.open("bucket", "k")
    objects.put_bytes("bucket", "k", b"other")
    assert opened.path is not None
    assert opened.path.read_bytes() == LARGE
    del opened
    gc.collect()
    assert files() == marks() == []


def test_a_check_sees_what_it_would_replace_and_can_stop_it(objects: Objects, files: Left) -> None:
    seen: list[str | None] = []
    objects.put_bytes("bucket", "k", b"1")
    before = objects.head("bucket", "k")
    objects.put("bucket", "k", made(objects, b"2"), check=lambda info: seen.append(info.etag if info else None))
    assert seen == [before.etag]
    with pytest.raises(Refused):
        objects.put("bucket", "k", made(objects, LARGE), check=refuse)
    with pytest.raises(Refused):
        objects.delete("bucket", "k", check=refuse)
    assert objects.read("s3://bucket/k") == b"2"
    assert files() == []


def test_of_many_writers_to_a_new_key_one_is_first(objects: Objects, files: Left, marks: Left) -> None:
    won: list[bytes] = []

    def absent(current: ObjectInfo | None) -> None:
        if current is not None:
            raise Refused

    def write(data: bytes) -> None:
        try:
            objects.put("bucket", "k", made(objects, data), check=absent)
        except Refused:
            return
        won.append(data)

    threads = [threading.Thread(target=write, args=(LARGE + bytes([i]),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [objects.read("s3://bucket/k")]
    assert len(files()) == 1
    assert marks() == []


def test_tags_change_without_touching_the_bytes(objects: Objects, clock: Any) -> None:
    info = objects.put_bytes("bucket", "k", b"1")
    clock.time += 5
    tagged = objects.set_tags("bucket", "k", {"a": "b"})
    assert (tagged.tags, tagged.modified, tagged.etag) == ({"a": "b"}, info.modified, info.etag)
    with pytest.raises(NoSuchObject):
        objects.set_tags("bucket", "none", {})


def test_a_copy_shares_the_blob_and_outlives_its_source(objects: Objects) -> None:
    objects.put_bytes("bucket", "k", LARGE)
    copy_of = objects.contents.of_object(objects.open("bucket", "k"), objects.home("bucket", "copy"))
    objects.put("bucket", "copy", copy_of)
    source, copy = objects.blob_path("bucket", "k"), objects.blob_path("bucket", "copy")
    assert source is not None
    assert copy is not None
    assert source.samefile(copy)
    objects.delete("bucket", "k")
    assert objects.read("s3://bucket/copy") == LARGE


@pytest.mark.parametrize(("offset", "length"), [(0, 10), (5, INLINE_LIMIT + 5), (INLINE_LIMIT, None)])
def test_a_piece_of_an_object_is_content(objects: Objects, offset: int, length: int | None) -> None:
    objects.put_bytes("bucket", "k", LARGE)
    piece = LARGE[offset:] if length is None else LARGE[offset : offset + length]
    home = objects.home("bucket", "piece")
    content = objects.contents.of_object(objects.open("bucket", "k"), home, offset=offset, length=length)
    assert content.md5 == hashlib.md5(piece).hexdigest()
    objects.put("bucket", "piece", content)
    assert objects.read("s3://bucket/piece") == piece


def test_a_stream_that_breaks_stores_nothing(objects: Objects, files: Left) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield LARGE
        raise Refused

    with pytest.raises(Refused):
        asyncio.run(objects.contents.receive(broken(), HOME))
    with pytest.raises(TooMuch):
        asyncio.run(objects.contents.receive(stream(*[LARGE] * 3), HOME, limit=2 * len(LARGE)))
    objects.close()
    assert files() == []


def test_a_cancelled_stream_stores_nothing(objects: Objects, files: Left) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield os.urandom(3 << 20)
        started.set()
        await asyncio.Event().wait()
        yield b""

    async def run() -> None:
        task = asyncio.ensure_future(objects.contents.receive(endless(), HOME))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    started = asyncio.Event()
    asyncio.run(run())
    objects.close()
    assert files() == []


def test_buckets(objects: Objects) -> None:
    with pytest.raises(BucketExists):
        objects.buckets.create("bucket", "eu-west-1")
    objects.buckets.create("other", "eu-west-1", tags={"a": "b"})
    assert [bucket.name for bucket in objects.buckets.page()] == ["bucket", "other"]
    assert [bucket.name for bucket in objects.buckets.page(prefix="o")] == ["other"]
    assert [bucket.name for bucket in objects.buckets.page(after="bucket", limit=1)] == ["other"]
    objects.buckets.set_tags("other", {"c": "d"})
    assert objects.buckets.get("other").tags == {"c": "d"}
    objects.put_bytes("other", "k", b"")
    with pytest.raises(BucketNotEmpty):
        objects.buckets.delete("other")
    objects.delete("other", "k")
    objects.buckets.delete("other")
    with pytest.raises(NoSuchBucket):
        objects.buckets.get("other")


def test_an_object_comes_together_from_parts(objects: Objects, files: Left, marks: Left) -> None:
    upload = objects.begin_upload("bucket", "k", attributes={"x": "y"}, tags={"t": "u"})
    pieces = {2: b"small", 1: LARGE, 3: LARGE[1:], 7: b"unused"}
    for number, piece in pieces.items():
        objects.uploads.put_part(upload, number, part_of(objects, upload, number, b"replaced"))
        objects.uploads.put_part(upload, number, part_of(objects, upload, number, piece))
    parts = objects.uploads.parts(upload)
    assert [part.number for part in parts] == [1, 2, 3, 7]
    info = objects.complete_upload(upload, parts[:3], etag="made-3", attributes=upload.attributes)
    assert (info.etag, info.tags, info.attributes) == ("made-3", {"t": "u"}, {"x": "y"})
    assert objects.read("s3://bucket/k") == pieces[1] + pieces[2] + pieces[3]
    assert len(files()) == 1
    assert marks() == []
    with pytest.raises(NoSuchUpload):
        objects.uploads.put_part(upload, 1, part_of(objects, upload, 1, LARGE))
    assert len(files()) == 1


@pytest.mark.parametrize("data", [b"", b"x", LARGE])
def test_one_part_is_enough(objects: Objects, data: bytes) -> None:
    upload = objects.begin_upload("bucket", "k")
    part = objects.uploads.put_part(upload, 1, part_of(objects, upload, 1, data))
    objects.complete_upload(upload, [part], etag="e-1", attributes={})
    assert objects.read("s3://bucket/k") == data


def test_an_upload_that_may_not_end_stays(objects: Objects, files: Left) -> None:
    upload = objects.begin_upload("bucket", "k")
    parts = [objects.uploads.put_part(upload, n, part_of(objects, upload, n, LARGE)) for n in (1, 2)]
    with pytest.raises(Refused):
        objects.complete_upload(upload, parts, etag="e-2", attributes={}, check=refuse)
    assert len(objects.uploads.parts(upload)) == len(files()) == 2
    objects.uploads.abort(upload)
    assert files() == []
    with pytest.raises(NoSuchUpload):
        objects.uploads.abort(upload)


def test_uploads_are_listed_by_key_then_age(objects: Objects, clock: Any) -> None:
    made = []
    for key in ("b", "a", "b", "ab"):
        clock.time += 1
        made.append(objects.begin_upload("bucket", key))
    b1, a, b2, ab = (upload.id for upload in made)
    assert [upload.id for upload in objects.uploads.page("bucket")] == [a, ab, b1, b2]
    assert [upload.id for upload in objects.uploads.page("bucket", after_key="a")] == [ab, b1, b2]
    assert [u.id for u in objects.uploads.page("bucket", after_key="b", after_id=b1)] == [b2]
    assert [upload.id for upload in objects.uploads.page("bucket", prefix="a", limit=1)] == [a]


def test_a_bucket_goes_with_its_uploads(objects: Objects, files: Left) -> None:
    upload = objects.begin_upload("bucket", "k")
    objects.uploads.put_part(upload, 1, part_of(objects, upload, 1, LARGE))
    objects.buckets.delete("bucket")
    assert files() == []
    with pytest.raises(NoSuchBucket):
        objects.begin_upload("bucket", "k")


@pytest.mark.parametrize("uri", ["http://a/b", "s3:///b", "a/b", ""])
def test_other_addresses_are_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="s3://bucket/key"):
        split_uri(uri)


# What a crash leaves.


class Crash(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("existing", [b"", LARGE])
def test_a_crash_around_a_commit_leaves_one_whole_object(
    start: Callable[[], Objects],
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    committed: bool,
    existing: bytes,
    files: Left,
    marks: Left,
) -> None:
    objects = start()
    objects.buckets.create("bucket", "us-east-1")
    objects.put_bytes("bucket", "k", existing)
    write = store.write

    def crash(writes: Sequence[Write]) -> Sequence[Record]:
        if committed:
            write(writes)
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", crash)
        with pytest.raises(Crash):
            objects.put_bytes("bucket", "k", LARGE + b"new")
    again = start()
    assert again.read("s3://bucket/k") == (LARGE + b"new" if committed else existing)
    assert len(files()) == (1 if committed or existing else 0)
    assert marks() == []


def test_content_that_nobody_put_is_gone_after_a_start(start: Callable[[], Objects], files: Left) -> None:
    content = made(start(), LARGE)
    assert content.blob is not None
    assert files() == [f"{content.blob[:2]}/{content.blob}"]
    start()
    assert files() == []


def test_what_an_earlier_release_left_unfinished_is_gone_after_a_start(
    start: Callable[[], Objects], folder: Path, files: Left
) -> None:
    (folder / "incoming").mkdir(parents=True)
    (folder / "incoming" / "abc").write_bytes(LARGE)
    start()
    assert files() == []


def test_a_torn_mark_costs_no_data(objects: Objects, start: Callable[[], Objects], folder: Path, marks: Left) -> None:
    blob = objects.put_bytes("bucket", "k", LARGE).blob
    assert blob is not None
    (folder / "doubt" / blob).write_bytes(b'["1234')
    assert start().read("s3://bucket/k") == LARGE
    assert marks() == []


def test_a_lost_file_is_an_error_not_a_loop(objects: Objects) -> None:
    path = objects.blob_path("bucket", objects.put_bytes("bucket", "k", LARGE).key)
    assert path is not None
    path.unlink()
    with pytest.raises(FileNotFoundError, match="bucket/k"):
        objects.open("bucket", "k")


def test_a_commit_of_unknown_outcome_keeps_the_bytes(
    objects: Objects, store: Store, monkeypatch: pytest.MonkeyPatch, files: Left, marks: Left
) -> None:
    def fail(_writes: Sequence[Write]) -> Sequence[Record]:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", fail)
        with pytest.raises(OSError, match="full"):
            objects.put_bytes("bucket", "k", LARGE)
    assert len(files()) == len(marks()) == 1
    assert store.get(Key(objects.account, "", "object", "bucket", "k")) is None
