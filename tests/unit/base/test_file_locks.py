"""Locks by files: alone or shared, between processes, and gone with who held them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sagewright.base.file_locks import FileLocks

HOLD = """
import sys, time
from pathlib import Path
from sagewright.base.file_locks import FileLocks
with FileLocks(Path(sys.argv[1])).held("name"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def locks(tmp_path: Path) -> FileLocks:
    return FileLocks(tmp_path / "locks")


def test_one_has_it_alone(locks: FileLocks) -> None:
    with locks.held("name"), locks.attempted("name") as taken, locks.attempted("other") as free:
        assert not taken
        assert free
    with locks.attempted("name") as taken:
        assert taken


def test_many_share_it(locks: FileLocks) -> None:
    with locks.held("name", shared=True), locks.held("name", shared=True), locks.attempted("name") as taken:
        assert not taken
    with locks.held("name"):
        pass


def test_what_goes_wrong_inside_lets_go(locks: FileLocks) -> None:
    def fails() -> None:
        with locks.attempted("name"):
            raise BlockingIOError

    with pytest.raises(BlockingIOError):
        fails()
    with locks.attempted("name") as taken:
        assert taken


def test_no_files_are_left(locks: FileLocks, tmp_path: Path) -> None:
    for number in range(10):
        with locks.held(f"{number}\udc80/ü"):
            assert len(os.listdir(tmp_path / "locks")) == 1
    assert os.listdir(tmp_path / "locks") == []


def test_it_goes_with_the_process_that_held_it(locks: FileLocks, tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "locks")], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    with locks.attempted("name") as taken:
        assert not taken
    other.kill()
    with locks.held("name"):
        pass
    other.wait()
    other.stdout.close()
