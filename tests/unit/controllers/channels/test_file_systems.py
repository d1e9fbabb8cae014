"""Folders that stand for file systems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import Terminal
from sagewright.compute.base import Mount

from .conftest import Box


def asked(path: str = "/d", mode: str = "ro", name: str = "fs-01234567") -> dict[str, Any]:
    source = {
        "FileSystemId": name,
        "FileSystemType": "EFS",
        "DirectoryPath": path,
        "FileSystemAccessMode": mode,
    }
    return {"ChannelName": "c", "DataSource": {"FileSystemDataSource": source}}


@pytest.fixture
def system(box: Box, tmp_path: Path) -> Path:
    """A folder that stands for fs-01234567."""
    folder = tmp_path / "efs"
    (folder / "d").mkdir(parents=True)
    place = box.bench.platform.file_systems
    place.mkdir(parents=True)
    (place / "fs-01234567").symlink_to(folder)
    return folder


def test_a_channel_shows_a_folder(box: Box, system: Path) -> None:
    assert box.stage(asked()).mounts == [Mount(system / "d", "/opt/ml/input/data/c")]
    assert box.stage(asked("/", "rw")).mounts == [Mount(system, "/opt/ml/input/data/c", writable=True)]


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"name": "fs-89abcdef"}, "The file system fs-89abcdef of channel 'c' is not known here"),
        ({"path": "/none"}, "There is no directory /none"),
        ({"path": "/../objects"}, "leads out of the file system"),
        ({"path": "/out"}, "leads out of the file system"),
    ],
)
def test_what_cannot_be_shown(box: Box, system: Path, tmp_path: Path, members: dict[str, str], words: str) -> None:
    (system / "out").symlink_to(tmp_path)
    with pytest.raises(Terminal, match=f"^ClientError: .*{words}"):
        box.stage(asked(**members))
