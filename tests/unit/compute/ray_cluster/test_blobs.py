"""What a node keeps of stored objects."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import cast

import pytest

from sagewright.compute.ray_cluster.blobs import Blobs


def keep(blobs: Blobs, key: str, content: bytes, size: int | None = None) -> None:
    blobs.keep(key, len(content) if size is None else size, cast(io.RawIOBase, io.BytesIO(content)))


def test_what_is_kept_is_not_missing(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    keep(blobs, "a", b"one")
    assert list(blobs.missing(["a", "b", "b"])) == ["b"]
    for linked in (True, False):
        blobs.show("a", tmp_path / f"shown-{linked}", linked=linked)
        assert (tmp_path / f"shown-{linked}").read_bytes() == b"one"
    assert os.path.samefile(tmp_path / "blobs" / "a", tmp_path / "shown-True")
    assert not os.path.samefile(tmp_path / "blobs" / "a", tmp_path / "shown-False")


def test_what_did_not_come_whole_is_not_kept(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    with pytest.raises(ConnectionError):
        keep(blobs, "a", b"on", size=3)
    assert list(tmp_path.iterdir()) == []


def test_what_was_not_used_for_longest_goes_and_never_what_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAGEWRIGHT_NODE_CACHE", "10")
    blobs = Blobs(tmp_path / "blobs")
    for number, key in enumerate("abc"):
        keep(blobs, key, b"123")
        os.utime(tmp_path / "blobs" / key, (number, number))
    blobs.show("a", tmp_path / "shown", linked=True)
    keep(blobs, "d", b"123")
    assert list(blobs.missing(list("abcd"))) == ["b"]
