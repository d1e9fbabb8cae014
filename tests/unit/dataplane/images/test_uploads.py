"""Uploads: in parts, across restarts, and what broke off."""

from __future__ import annotations

import pytest

from sagewright.dataplane.images.manifests import digest_of
from sagewright.dataplane.images.uploads import SMALLEST
from sagewright.dataplane.images.values import (
    EmptyUpload,
    LayerExists,
    NoSuchRepository,
    NoSuchUpload,
    OutOfOrder,
    PartTooSmall,
    Repository,
    UploadBusy,
    WrongDigest,
)

from .conftest import APP, Shelf


def add(shelf: Shelf, upload: str, data: bytes) -> int:
    writing = shelf.images.uploads.writing(APP, upload)
    try:
        writing.write([data])
        return writing.commit()
    finally:
        writing.close()


def complete(shelf: Shelf, upload: str, digest: str, *, parts: bool = False) -> int:
    writing = shelf.images.uploads.writing(APP, upload)
    try:
        return writing.complete(digest, parts=parts)
    finally:
        writing.close()


def test_parts_become_a_layer_even_if_the_server_starts_anew_in_between(shelf: Shelf) -> None:
    upload = shelf.images.uploads.begin(APP)
    assert add(shelf, upload, b"one") == 3
    shelf.images = shelf.opened()
    assert shelf.images.uploads.received(APP, upload) == 3
    assert add(shelf, upload, b"two") == 6
    assert complete(shelf, upload, digest_of(b"onetwo")) == 6
    layer = shelf.images.layers.find(APP, digest_of(b"onetwo"))
    assert layer is not None
    assert layer.path.read_bytes() == b"onetwo"
    with pytest.raises(NoSuchUpload):
        shelf.images.uploads.received(APP, upload)
    assert len(shelf.files()) == 1


def test_a_part_that_broke_off_does_not_count(shelf: Shelf) -> None:
    upload = shelf.images.uploads.begin(APP)
    add(shelf, upload, b"one")
    writing = shelf.images.uploads.writing(APP, upload)
    writing.write([b"broken off, and longer than what comes"])
    writing.close()
    assert shelf.images.uploads.received(APP, upload) == 3
    add(shelf, upload, b"two")
    complete(shelf, upload, digest_of(b"onetwo"))
    layer = shelf.images.layers.find(APP, digest_of(b"onetwo"))
    assert layer is not None
    assert layer.path.read_bytes() == b"onetwo"


def test_other_bytes_than_announced_become_no_layer_and_may_be_completed_rightly(shelf: Shelf) -> None:
    upload = shelf.images.uploads.begin(APP)
    add(shelf, upload, b"one")
    with pytest.raises(WrongDigest):
        complete(shelf, upload, digest_of(b"two"))
    assert shelf.images.layers.find(APP, digest_of(b"two")) is None
    complete(shelf, upload, digest_of(b"one"))


def test_an_upload_has_one_writer_who_begins_where_the_last_ended(shelf: Shelf) -> None:
    upload = shelf.images.uploads.begin(APP)
    writing = shelf.images.uploads.writing(APP, upload)
    with pytest.raises(UploadBusy):
        shelf.images.uploads.writing(APP, upload)
    writing.write([b"one"])
    with pytest.raises(OutOfOrder) as refused:
        writing.expect(7)
    assert refused.value.received == 3
    writing.close()
    shelf.images.uploads.writing(APP, upload).close()


def test_an_api_upload_needs_bytes_in_large_parts_and_a_new_layer(shelf: Shelf) -> None:
    upload = shelf.images.uploads.begin(APP)
    with pytest.raises(EmptyUpload):
        complete(shelf, upload, digest_of(b""), parts=True)
    add(shelf, upload, b"one")
    add(shelf, upload, b"two")
    with pytest.raises(PartTooSmall):
        complete(shelf, upload, digest_of(b"onetwo"), parts=True)
    large = bytes(SMALLEST)
    upload = shelf.images.uploads.begin(APP)
    add(shelf, upload, large)
    add(shelf, upload, b"two")
    complete(shelf, upload, digest_of(large + b"two"), parts=True)
    upload = shelf.images.uploads.begin(APP)
    add(shelf, upload, large + b"two")
    with pytest.raises(LayerExists):
        complete(shelf, upload, digest_of(large + b"two"), parts=True)


def test_an_empty_layer_is_a_layer(shelf: Shelf) -> None:
    complete(shelf, shelf.images.uploads.begin(APP), digest_of(b""))
    assert shelf.images.layers.find(APP, digest_of(b"")) is not None


def test_uploads_without_a_part_for_long_are_given_up(shelf: Shelf) -> None:
    upload = shelf.images.uploads.begin(APP)
    add(shelf, upload, b"one")
    shelf.clock.advance(86_000)
    assert shelf.images.sweep(APP) == 0
    shelf.clock.advance(1_000)
    assert shelf.images.sweep(APP) == 1
    assert shelf.files() == set()
    with pytest.raises(NoSuchUpload):
        add(shelf, upload, b"two")


def test_an_upload_whose_bytes_stayed_behind_is_gone(shelf: Shelf) -> None:
    upload = shelf.images.uploads.begin(APP)
    add(shelf, upload, b"one")
    shelf.images.blobs.upload(upload).unlink()
    with pytest.raises(NoSuchUpload):
        add(shelf, upload, b"two")


def test_no_upload_begins_where_there_is_no_repository(shelf: Shelf) -> None:
    with pytest.raises(NoSuchRepository):
        shelf.images.uploads.begin(Repository("us-east-1", "nothing"))
