"""A pile as a folder of files, served by a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagewright.controllers.channels import mounting
from sagewright.controllers.channels.mounted import Index, Tree

CONTENTS = {b"a.txt": b"hello", b"s/b.txt": b" world", b"s/t/large": b"x" * 3_000_000}


class Pile:
    """What `keeping.Pile` would have written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "0").mkdir(parents=True)
        (folder / "small").touch()
        (folder / "index").touch()
        self._files = 0

    def add(self, path: bytes, data: bytes) -> None:
        if len(data) < 100:
            offset, number = (self.folder / "small").stat().st_size, 0
            with (self.folder / "small").open("ab") as file:
                file.write(data)
        else:
            self._files += 1
            offset, number = 0, self._files
            (self.folder / "0" / str(number)).write_bytes(data)
        self.write(b"%d %d %d %s\0key\n" % (number, offset, len(data), path))

    def write(self, line: bytes) -> None:
        with (self.folder / "index").open("ab") as file:
            file.write(line)


@pytest.fixture
def pile(tmp_path: Path) -> Pile:
    made = Pile(tmp_path / "pile")
    for path, data in CONTENTS.items():
        made.add(path, data)
    return made


@pytest.fixture
def shown(pile: Pile, tmp_path: Path) -> Iterator[Path]:
    if not mounting.mount(pile.folder, tmp_path / "shown"):
        pytest.skip("no file systems in user space here")
    yield tmp_path / "shown"
    mounting.unmount(tmp_path)


def test_files_are_read_listed_and_stated(pile: Pile, shown: Path) -> None:
    pile.write(b"end\n")
    assert {
        os.fsencode(path.relative_to(shown)): path.read_bytes() for path in shown.rglob("*") if path.is_file()
    } == CONTENTS
    assert sorted(os.listdir(shown)) == ["a.txt", "s"]
    assert (shown / "s/t/large").stat().st_size == 3_000_000
    assert (shown / "s").is_dir()
    with (shown / "s/t/large").open("rb") as file:
        file.seek(2_999_998)
        assert file.read() == b"xx"
    assert not (shown / "none").exists()
    assert not (shown / "a.txt" / "none").exists()
    found = subprocess.run(["find", shown, "-type", "f"], capture_output=True, check=True).stdout
    assert len(found.splitlines()) == 3


def test_nothing_can_be_written(pile: Pile, shown: Path) -> None:
    pile.write(b"end\n")
    for attempt in (
        lambda: (shown / "a.txt").open("r+b"),
        (shown / "new").touch,
        lambda: (shown / "a.txt").chmod(0o777),
        (shown / "a.txt").unlink,
        lambda: (shown / "a.txt").rename(shown / "b.txt"),
    ):
        with pytest.raises(OSError, match="Read-only file system"):
            attempt()


def test_who_asks_too_early_waits(pile: Pile, shown: Path) -> None:
    assert (shown / "a.txt").read_bytes() == b"hello"
    told: list[object] = []
    threads = [
        threading.Thread(target=lambda: told.append((shown / "late").read_bytes())),
        threading.Thread(target=lambda: told.append(sorted(os.listdir(shown)))),
        threading.Thread(target=lambda: told.append((shown / "never").exists())),
    ]
    for thread in threads:
        thread.start()
    threads[0].join(0.1)
    assert told == []
    pile.add(b"late", b"now")
    threads[0].join(60)
    assert told == [b"now"]
    pile.write(b"end\n")
    for thread in threads:
        thread.join(60)
    assert sorted(map(str, told[1:])) == ["False", "['a.txt', 'late', 's']"]


def test_what_cannot_be_completed_is_an_error(pile: Pile, shown: Path) -> None:
    pile.write(b"failed for some reason\n")
    assert (shown / "a.txt").read_bytes() == b"hello"
    for attempt in (lambda: os.listdir(shown), (shown / "none").read_bytes):
        with pytest.raises(OSError, match="Input/output error"):
            attempt()


def test_it_ends_when_it_is_unmounted(pile: Pile, shown: Path, tmp_path: Path) -> None:
    mounting.unmount(tmp_path)
    assert os.listdir(shown) == []
    end = time.monotonic() + 60
    mark = os.fsencode(pile.folder)
    while any(mark in _command(process) for process in Path("/proc").glob("[0-9]*")):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_goes_with_its_pile(pile: Pile, shown: Path) -> None:
    """A data folder may be deleted while no server is there to unmount anything."""
    pile.write(b"end\n")
    assert (shown / "a.txt").read_bytes() == b"hello"
    shutil.rmtree(pile.folder)
    end = time.monotonic() + 60
    while os.path.ismount(shown):
        assert time.monotonic() < end
        time.sleep(0.05)


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def test_only_what_is_below_a_folder_is_unmounted(pile: Pile, shown: Path, tmp_path: Path) -> None:
    pile.write(b"end\n")
    (tmp_path / "sho").mkdir()
    mounting.unmount(tmp_path / "sho")
    mounting.unmount(tmp_path / "none")
    assert (shown / "a.txt").read_bytes() == b"hello"


def test_without_the_device_nothing_is_mounted(pile: Pile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "exists", lambda _: False)
    assert not mounting.mount(pile.folder, tmp_path / "point")


def test_an_ordinary_user_needs_a_program(pile: Pile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not mounting.mount(pile.folder, tmp_path / "point")


def test_a_tree_keeps_the_first_of_two_that_cannot_be(capfd: pytest.CaptureFixture[str]) -> None:
    tree = Tree()
    for number, path in enumerate([b"a", b"a/b", b"c/d", b"c", b"a/b/c", b"a"]):
        tree.add(path, number, 0, 0)
    assert [names for _, names in tree.folders] == [[b"a", b"c"], [b"d"]]
    assert [tree.place(tree.folders[0][0][b"a"]), tree.place(tree.folders[1][0][b"d"])] == [(0, 0, 0), (2, 0, 0)]
    assert "is both a file and a folder" in capfd.readouterr().err


def test_an_index_is_read_line_by_line(pile: Pile) -> None:
    tree = Tree()
    index = Index(str(pile.folder), tree)
    assert index.read()
    assert not index.read()
    pile.write(b"0 0 1 new\\nli")
    index.read()
    assert len(tree.folders[0][1]) == 2
    pile.write(b"ne\\\\n\0k\nend\n")
    index.read()
    assert index.complete
    assert tree.folders[0][1][-1] == b"new\nline\\n"
    index.close()
