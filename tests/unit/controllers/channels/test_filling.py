"""Channels that are completed while their task runs, by this server or the next."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import Terminal
from sagewright.controllers.channels import files, filling, mounting, staging
from sagewright.controllers.channels.channel import Host
from sagewright.controllers.channels.keeping import Pile, complete
from sagewright.controllers.channels.listing import Item
from sagewright.dataplane.objects.values import Stored

from ..conftest import REGION, Missing
from .conftest import LARGE, Box, Staged, channel

NUMBERS = [f"{number:02d}" for number in range(20)]


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch, box: Box) -> Iterator[None]:
    monkeypatch.setattr(files, "COPIED_OBJECTS", 1)
    monkeypatch.setattr(files, "SINGLE_OBJECTS", 1)
    monkeypatch.setattr(files, "LINKED_OBJECTS", 3)
    monkeypatch.setattr(filling, "AT_ONCE", 5)
    box.put_at({f"d/{number}": number.encode() if int(number) % 2 else number.encode() + LARGE for number in NUMBERS})
    yield
    box.bench.platform.background.stop("")
    mounting.unmount(box.bench.folder)


def eventually(attempt: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while not attempt():
        assert time.monotonic() < end
        time.sleep(0.005)


class Gate:
    """Objects of which the later ones come when they are let through."""

    def __init__(self, box: Box, after: str, error: Exception | None = None) -> None:
        self._box, self._after, self._error = box, after, error
        self.opened = threading.Event()

    def each(self, bucket: str, prefix: str) -> Iterator[Stored]:
        for stored in self._box.objects.each(bucket, prefix):
            if stored.key > self._after:
                if self._error:
                    raise self._error
                self.opened.wait(60)
            yield stored

    def __getattr__(self, name: str) -> Any:
        return getattr(self._box.objects, name)


def stage(box: Box, objects: Any, *channels: dict[str, Any]) -> Staged:
    folder = box.bench.platform.tasks / "task"
    (folder / "ml/input/data").mkdir(parents=True)
    spec = {"InputDataConfig": channels}
    return Staged(folder, staging.stage(box.bench.platform, objects, spec, folder, region=REGION))


def test_a_task_can_start_before_all_is_there(box: Box) -> None:
    gate = Gate(box, "d/09")
    staged = stage(box, gate, channel("s3://b/d/"), channel("s3://b/d/", "Pipe", name="p"))
    assert not (staged.folder / "ml/input/data/c").is_symlink()
    if not (staged.folder / "piles").exists():
        pytest.skip("no file systems in user space here")
    assert (staged.shown() / "03").read_bytes() == b"03"
    assert not complete(staged.folder / "piles/c")
    gate.opened.set()
    assert sorted(os.listdir(staged.shown())) == NUMBERS
    assert staged.files()["18"] == b"18" + LARGE
    eventually(lambda: complete(staged.folder / "pipes/p"))
    assert [data[:2].decode() for data in staged.sent("p")] == NUMBERS


def test_objects_that_are_kept_elsewhere_are_fetched(box: Box) -> None:
    class Elsewhere:
        def each(self, bucket: str, prefix: str) -> Iterator[Stored]:
            return (Stored(each.key, each.size) for each in box.objects.each(bucket, prefix))

        def __getattr__(self, name: str) -> Any:
            return getattr(box.objects, name)

    staged = stage(box, Elsewhere(), channel("s3://b/d/"), channel("s3://b/d/", "Pipe", name="p"))
    assert {name: data[:2].decode() for name, data in staged.files().items()} == {name: name for name in NUMBERS}
    eventually(lambda: complete(staged.folder / "pipes/p"))
    assert [data[:2].decode() for data in staged.sent("p")] == NUMBERS
    path = box.objects.blob_path("b", "d/02")
    assert path is not None
    assert path.stat().st_nlink == 1


def test_what_is_shown_stays_when_the_objects_go(box: Box) -> None:
    staged = stage(box, box.objects, channel("s3://b/d/", "FastFile"))
    assert len(os.listdir(staged.shown())) == 20
    box.objects.delete_many("b", [f"d/{number}" for number in NUMBERS])
    assert {name: data[:2].decode() for name, data in staged.files().items()} == {name: name for name in NUMBERS}


def test_without_fuse_there_are_links(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "mount", lambda *_: False)
    staged = stage(box, box.objects, channel("s3://b/d/"))
    assert sorted(staged.files()) == NUMBERS
    assert [mount.writable for mount in staged.mounts] == [False]
    assert list((staged.folder / "piles").iterdir()) == []


def test_forgetting_a_task_ends_what_is_still_done_for_it(box: Box) -> None:
    gate = Gate(box, "d/09")
    staged = stage(box, gate, channel("s3://b/d/"))
    threading.Timer(0.1, gate.opened.set).start()
    box.bench.platform.forget("task")
    assert not staged.folder.exists()
    assert not box.bench.platform.background.running(str(staged.folder / "piles/c"))


@pytest.mark.parametrize("mode", ["File", "Pipe"])
@pytest.mark.parametrize("torn", [b"", b"7 0 40"])
def test_the_next_server_goes_on(box: Box, mode: str, torn: bytes) -> None:
    """Killed in the middle: what it had written is kept, half a line is not."""
    asked = channel("s3://b/d/", mode)
    gate = Gate(box, "d/09")
    staged = stage(box, gate, asked)
    pile = staged.folder / ("pipes" if mode == "Pipe" else "piles") / "c"
    if not pile.exists():
        pytest.skip("no file systems in user space here")
    killed = staged.folder.with_name("killed")
    shutil.copytree(pile, killed)  # as it was on the disk at that moment
    gate.opened.set()
    running = box.bench.platform.background.running
    eventually(lambda: not running(str(pile)))
    whole = (pile / "index").read_bytes()
    for name in ("index", "small"):
        (pile / name).write_bytes((killed / name).read_bytes() + (torn if name == "index" else b"more"))
    spec = {"InputDataConfig": [asked]}
    staging.resume(box.bench.platform, box.objects, spec, staged.folder, region=REGION)
    eventually(lambda: not running(str(pile)))
    assert complete(pile)
    assert (pile / "index").read_bytes() == whole
    staging.resume(box.bench.platform, box.objects, spec, staged.folder, region=REGION)
    assert not running(str(pile))


def test_a_job_whose_channel_cannot_be_completed_is_told_why(box: Box) -> None:
    gate = Gate(box, "d/09", Missing("AccessDenied: no more."))
    staged = stage(box, gate, channel("s3://b/d/", "Pipe"))
    failure = staged.folder / staging.FAILURE
    eventually(failure.exists)
    eventually(lambda: complete(staged.folder / "pipes/c"))
    assert failure.read_text() == (
        "ClientError: Data download failed for s3://b/d/ (channel 'c'): AccessDenied: no more."
    )
    assert (staged.folder / "pipes/c/index").read_bytes().splitlines()[-1].startswith(b"failed ClientError: Data")


def test_what_is_wrong_with_the_first_objects_is_told_at_once(box: Box) -> None:
    with pytest.raises(Terminal, match="AccessDenied: no"):
        stage(box, Gate(box, "d/01", Missing("AccessDenied: no.")), channel("s3://b/d/", "Pipe"))


def test_hosts_deal_large_channels_too(box: Box) -> None:
    asked = channel("s3://b/d/", source={"S3DataDistributionType": "ShardedByS3Key"})
    hosts = (Host(0, 2), Host(1, 2))
    parts = [sorted(box.stage(asked, hosts=hosts, index=index).files()) for index in range(2)]
    assert parts == [NUMBERS[::2], NUMBERS[1::2]]


def test_names_survive_the_index(box: Box, tmp_path: Path) -> None:
    names = ["a\nb", "a\\nb", "ü", "a b"]
    box.put_at({f"e/{name}": name.encode() for name in names})
    pile = Pile(tmp_path / "pile")
    for stored in box.objects.each("b", "e/"):
        pile.add(box.objects, Item("b", stored, stored.key[2:]))
    last = pile.last
    pile.close()
    again = Pile(tmp_path / "pile", resume=True)
    assert again.last == last
    again.close()
