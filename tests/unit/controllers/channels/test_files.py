"""File and FastFile mode: copies that a task may change, links that it may not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sagewright.base.errors import Terminal
from sagewright.controllers.channels import files

from .conftest import LARGE, Box, channel


def inode(path: Path) -> int:
    return path.stat().st_ino


def test_a_small_channel_is_the_tasks_own(box: Box) -> None:
    box.put_at({"d/a": b"1", "d/s/b": LARGE, "d/folder/": b"", "e": b"no"})
    staged = box.stage(channel("s3://b/d/"))
    assert staged.mounts == []
    assert staged.files() == {"a": b"1", "s/b": LARGE}
    with (staged.shown() / "s/b").open("wb") as file:
        file.write(b"changed")
    assert box.objects.read("s3://b/d/s/b") == LARGE


def test_a_few_large_objects_leave_their_folder_to_the_task(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "COPIED_BYTES", 1)
    box.put_at({"d/a": b"1", "d/s/b": LARGE})
    staged = box.stage(channel("s3://b/d"))
    assert [
        (mount.target.removeprefix("/opt/ml/input/data/c/"), mount.source.read_bytes(), mount.writable)
        for mount in staged.mounts
    ] == [
        ("a", b"1", False),
        ("s/b", LARGE, False),
    ]


@pytest.mark.parametrize("limit", ["COPIED_OBJECTS", "COPIED_BYTES"])
def test_a_large_channel_shows_the_stored_files(box: Box, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(files, limit, 1)
    monkeypatch.setattr(files, "SINGLE_OBJECTS", 1)
    box.put_at({"d/a": b"1", "d/s/b": LARGE})
    staged = box.stage(channel("s3://b/d"))
    assert [(mount.target, mount.writable) for mount in staged.mounts] == [("/opt/ml/input/data/c", False)]
    assert staged.files() == {"a": b"1", "s/b": LARGE}
    path = box.objects.blob_path("b", "d/s/b")
    assert path is not None
    assert inode(staged.shown() / "s/b") == inode(path)
    assert not staged.shown().is_relative_to(staged.folder / "ml")


def test_what_is_linked_stays_when_the_object_goes(box: Box) -> None:
    box.put_at({"d/a": b"1", "d/b": LARGE, "d/c": LARGE})
    staged = box.stage(channel("s3://b/d/", "FastFile"))
    box.objects.delete("b", "d/b")
    box.put_at({"d/c": b"new", "d/a": b"new"})
    assert staged.files() == {"a": b"1", "b": LARGE, "c": LARGE}


def test_fast_file_mode_never_copies(box: Box) -> None:
    box.put_at({"d/a": b"1"})
    assert [mount.writable for mount in box.stage(channel("s3://b/d/", "FastFile")).mounts] == [False]


def test_without_read_only_mounts_all_is_copied(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    box.sealed = False
    monkeypatch.setattr(files, "COPIED_OBJECTS", 1)
    box.put_at({"d/a": b"1", "d/b": LARGE, "d/c": LARGE})
    for mode in ("File", "FastFile"):
        staged = box.stage(channel("s3://b/d/", mode))
        assert (staged.mounts, staged.files()) == ([], {"a": b"1", "b": LARGE, "c": LARGE})
        path = box.objects.blob_path("b", "d/b")
        assert path is not None
        assert inode(staged.shown() / "b") != inode(path)


def test_channels_of_code_are_copied(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "COPIED_BYTES", 1)
    box.put_at({"d/a": LARGE})
    assert box.stage(channel("s3://b/d/", name="sm_drivers")).mounts == []


def test_an_object_overwritten_in_between_is_copied(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    box.put_at({"d/a": LARGE})
    link = os.link

    def overwritten(source: Path, target: str) -> None:
        monkeypatch.setattr(os, "link", link)
        box.put_at({"d/a": LARGE + b"new"})
        link(source, target)

    monkeypatch.setattr(os, "link", overwritten)
    assert box.stage(channel("s3://b/d/", "FastFile")).files() == {"a": LARGE + b"new"}


@pytest.mark.parametrize("mode", ["File", "FastFile"])
@pytest.mark.parametrize(
    "contents",
    [
        {"d/a": LARGE, "d/a/b": b"2"},
        {"d/a": b"1", "d/a/b": LARGE},
        {"d/" + "n" * 300: b"1"},
        {"d/a/../../../../x": b"1"},
    ],
)
def test_keys_that_are_no_files(box: Box, mode: str, contents: dict[str, bytes]) -> None:
    box.put_at(contents)
    with pytest.raises(Terminal, match=r"ClientError: Data download failed for s3://b/d/ \(channel 'c'\): .*"):
        box.stage(channel("s3://b/d/", mode))
