"""Processes that live and end together, with real ones."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from sagewright_container.training import processes
from sagewright_container.training.processes import Group, Program

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def group(tmp_path: Path, *scripts: str) -> Group:
    return Group([Program([sys.executable, "-c", script], os.environ) for script in scripts], cwd=str(tmp_path))


def test_all_end_well(tmp_path: Path) -> None:
    assert group(tmp_path, "", "").wait().exit_code == 0


def test_the_first_that_fails_ends_all_and_is_the_reason(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ended = group(tmp_path, "import time; time.sleep(60)", "raise ValueError('bad')").wait()
    assert ended.exit_code == 1
    assert ended.stderr_tail.endswith("ValueError: bad\n")
    assert ended.command[-1] == "raise ValueError('bad')"
    assert "ValueError: bad" in capfd.readouterr().err


def test_who_ignores_the_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_S", 0.2)
    flag = tmp_path / "up"
    stubborn = STUBBORN.replace("print('up', flush=True)", f"open({str(flag)!r}, 'w')")
    fails = f"import os, sys, time\nwhile not os.path.exists({str(flag)!r}): time.sleep(0.01)\nsys.exit(5)"
    assert group(tmp_path, stubborn, fails).wait().exit_code == 5


def test_a_stop_reaches_all_and_leaves_them_the_platforms_time(tmp_path: Path) -> None:
    save = (
        "import signal, sys, time\n"
        "def save(*_): time.sleep(0.3); open(sys.argv[1] if len(sys.argv) > 1 else NAME, 'w'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, save); open(NAME + '.up', 'w'); signal.pause()"
    )
    running = group(tmp_path, *(save.replace("NAME", repr(str(tmp_path / name))) for name in "ab"))

    def stop() -> None:
        while not ((tmp_path / "a.up").exists() and (tmp_path / "b.up").exists()):
            time.sleep(0.01)
        running.signal(signal.SIGTERM)

    threading.Thread(target=stop).start()
    assert running.wait().exit_code == 0
    assert (tmp_path / "a").exists()
    assert (tmp_path / "b").exists()


def test_what_a_script_leaves_running_does_not_keep_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_DRAIN_S", 0.2)
    leaves = (
        "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(20)']).pid)"
    )
    assert group(tmp_path, leaves).wait().exit_code == 0
