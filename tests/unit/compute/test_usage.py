"""Usage of tasks, from a `/proc` that is made up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sagewright.compute import usage
from sagewright.compute.base import Usage

TICK = 1 / os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def process(proc: Path, pid: int, parent: int, *argv: str, ticks: int = 0, pages: tuple[int, int] = (0, 0)) -> None:
    """`ticks` in all, of which half are those of children that ended; `pages`: resident, and file-backed of those."""
    folder = proc / str(pid)
    folder.mkdir()
    own = ticks // 2
    fields = ["S", str(parent), *["0"] * 9, str(own), "0", str(ticks - own), "0"]
    (folder / "stat").write_text(f"{pid} (a name) with) parens) {' '.join(fields)}")
    (folder / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in argv))
    (folder / "statm").write_text(f"999 {pages[0]} {pages[1]} 1 0 1 0")


def test_a_task_is_all_below_its_supervisor(tmp_path: Path) -> None:
    process(tmp_path, 1, 0, "init", ticks=999)
    process(tmp_path, 10, 1, "python", "-I", "supervisor", "/tasks/a/run", ticks=1, pages=(3, 2))
    process(tmp_path, 11, 10, "bwrap", ticks=2, pages=(3, 2))
    process(tmp_path, 12, 11, "serve", ticks=100, pages=(50, 20))
    process(tmp_path, 13, 12, "worker", ticks=100, pages=(70, 30))
    process(tmp_path, 20, 1, "python", "-I", "supervisor", "/tasks/b/run")
    process(tmp_path, 30, 1, "supervisor", "/tasks/c/run", ticks=5)
    process(tmp_path, 40, 1, "cat", "/tasks/d/run", ticks=5)
    (tmp_path / "50").mkdir()  # it ended while we looked
    (tmp_path / "net").mkdir()
    tasks = {f"/tasks/{name}/run".encode(): name for name in "abd"}
    found = usage.of_tasks(tasks, b"supervisor", tmp_path)
    assert found["a"].cpu_seconds == pytest.approx(203 * TICK)
    assert found["a"].memory_bytes == (1 + 1 + 30 + 40 + 30) * PAGE
    assert found["b"] == Usage(0, 0)
    assert set(found) == {"a", "b"}


def test_without_proc_nothing_is_known(tmp_path: Path) -> None:
    assert usage.of_tasks({b"/tasks/a/run": "a"}, b"supervisor", tmp_path / "proc") == {}
