"""Folders on their way to a node and back: everything of the task's arrives, nothing is laid out elsewhere."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from sagewright.compute.ray_cluster import cargo


def carried(root: Path, target: Path) -> None:
    buffer = io.BytesIO()
    cargo.pack({"ml": root}, buffer, lambda _root, _found: True)
    buffer.seek(0)
    cargo.unpack(buffer, {"ml": target})


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("from", "to"):
        (tmp_path / name).mkdir()
    return tmp_path / "from", tmp_path / "to"


def test_files_folders_links_and_modes_arrive(places: tuple[Path, Path]) -> None:
    root, target = places
    (root / "model" / "empty").mkdir(parents=True)
    (root / "model" / "run.sh").write_text("#!/bin/sh")
    (root / "model" / "run.sh").chmod(0o755)
    (root / "model" / "ü\nodd").write_bytes(b"\0\xff")
    (root / "latest").symlink_to("model/run.sh")
    (root / "beyond").symlink_to("/etc/passwd")
    os.mkfifo(root / "pipe")
    carried(root, target)
    assert sorted(found.path for found in cargo.walk(target)) == [
        "beyond",
        "latest",
        "model",
        "model/empty",
        "model/run.sh",
        "model/ü\nodd",
    ]
    assert (target / "model" / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (target / "model" / "ü\nodd").read_bytes() == b"\0\xff"
    assert os.readlink(target / "beyond") == "/etc/passwd"


def test_what_is_there_is_replaced_and_who_reads_it_goes_on(places: tuple[Path, Path]) -> None:
    root, target = places
    (root / "a").write_text("new")
    (root / "b").write_text("a file now")
    (target / "a").write_text("old")
    (target / "b").mkdir()
    with (target / "a").open() as reading:
        carried(root, target)
        assert reading.read() == "old"
    assert [(target / name).read_text() for name in "ab"] == ["new", "a file now"]


def test_no_link_leads_what_is_laid_out_elsewhere(places: tuple[Path, Path], tmp_path: Path) -> None:
    _, target = places
    outside = tmp_path / "outside"
    outside.mkdir()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in ("ml/door", "ml/here"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, str(outside)
            tar.addfile(link)
        for name in ("ml/door/stolen", "ml/../stolen", "ml//stolen", "ml/a/../../stolen", "other/stolen", "ml/here"):
            file = tarfile.TarInfo(name)
            file.size = 4
            tar.addfile(file, io.BytesIO(b"evil"))
    buffer.seek(0)
    cargo.unpack(buffer, {"ml": target})
    assert list(outside.iterdir()) == []
    assert list(tmp_path.rglob("stolen")) == []
    assert (target / "here").read_bytes() == b"evil"


def test_a_file_alone_is_a_root_too(tmp_path: Path) -> None:
    (tmp_path / "given").write_text("one")
    carried(tmp_path / "given", tmp_path / "shown")
    assert (tmp_path / "shown").read_text() == "one"


def test_a_file_that_changes_has_another_key_and_mark(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    (first,) = cargo.walk(path)
    path.unlink()
    path.write_text("two, longer")
    (second,) = cargo.walk(path)
    assert first.key != second.key
    assert first.mark != second.mark
