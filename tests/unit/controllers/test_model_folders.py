"""The files of models that instances load."""

from __future__ import annotations

import asyncio
import io
import tarfile
from pathlib import Path

import pytest

from sagewright.controllers import model_folders
from sagewright.controllers.model_folders import ModelFolders
from sagewright.dataplane.inference.connection import Unreachable
from sagewright.dataplane.inference.models import NoSuchModel, Source

from .conftest import Bench

SOURCE = Source("s3://b/all/", "arn:role", "eu-west-1")


def packed(name: str, link: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        if link:
            member.type, member.linkname = tarfile.SYMTYPE, link
        archive.addfile(member, io.BytesIO())
    return buffer.getvalue()


@pytest.fixture
def folders(bench: Bench) -> ModelFolders:
    model_folders.mount(bench.folder / "tasks/t")
    return ModelFolders(bench.files.of, bench.folder / "tasks")


def here(bench: Bench) -> set[str]:
    root = bench.folder / "tasks/t/models"
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


def test_a_model_is_brought_as_the_role_may_and_removed(bench: Bench, folders: ModelFolders) -> None:
    bench.files.held["b", "all/deep/a.tar.gz"] = packed("weights")
    place = asyncio.run(folders.fetch("t", SOURCE, "deep/a.tar.gz", "n"))
    assert place == "/opt/ml/models/n/model"
    assert bench.files.roles == [("arn:role", "eu-west-1")]
    assert here(bench) == {"n", "n/model", "n/model/weights"}
    asyncio.run(folders.remove("t", "n"))
    asyncio.run(folders.remove("t", "n"))
    assert here(bench) == set()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, r"Failed to download model data\(bucket: b, key: all/a\)"),
        (b"no archive", "s3://b/all/a could not be unpacked"),
        (packed("../../out"), "without links or paths that lead out of it"),
        (packed("out", link="/etc"), "without links or paths that lead out of it"),
    ],
)
def test_what_is_no_model_is_said(bench: Bench, folders: ModelFolders, data: bytes | None, said: str) -> None:
    if data is not None:
        bench.files.held["b", "all/a"] = data
    with pytest.raises(NoSuchModel, match=said):
        asyncio.run(folders.fetch("t", SOURCE, "a", "n"))
    assert not Path(bench.folder / "tasks/out").exists()


def test_nothing_is_made_for_an_instance_that_is_gone(bench: Bench, folders: ModelFolders) -> None:
    with pytest.raises(Unreachable):
        asyncio.run(folders.fetch("gone", SOURCE, "a", "n"))
    asyncio.run(folders.keep_only("gone", ()))
    assert not (bench.folder / "tasks/gone").exists()


def test_only_what_is_loaded_is_kept(bench: Bench, folders: ModelFolders) -> None:
    bench.files.held["b", "all/a"] = packed("weights")
    for name in ("one", "two"):
        asyncio.run(folders.fetch("t", SOURCE, "a", name))
    asyncio.run(folders.keep_only("t", {"two"}))
    assert {path.split("/")[0] for path in here(bench)} == {"two"}
