"""What `ProcessEngine` keeps beyond the port's law: crashes, traces on disk, the supervisor's own death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import psutil
import pytest

from sagewright.base.clock import SystemClock
from sagewright.base.errors import Terminal
from sagewright.base.settings import Settings
from sagewright.compute import cgroups, process, sandbox
from sagewright.compute import supervisor as supervisor_module
from sagewright.compute.base import Engine, Mount, Resources, Task
from sagewright.compute.process import ProcessEngine

MODES: Sequence[Any] = (
    "off",
    pytest.param("on", marks=pytest.mark.skipif(sandbox.available() is not None, reason=str(sandbox.available()))),
)
FOREVER = "echo up; while :; do sleep 0.02; done"


@pytest.fixture(params=MODES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ProcessEngine]:
    made = ProcessEngine(tmp_path / "tasks", SystemClock(), request.param)
    yield made
    for task_id in made.list():
        made.destroy(task_id)
    made.close()


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def start(engine: Engine, script: str, *, says: str = "", **options: Any) -> None:
    engine.start(Task("t", ["sh", "-c", script], **options))
    if says:
        until(lambda: says in [line.message for line in engine.logs("t", offset=0)])


def ended(engine: Engine) -> int | None:
    until(lambda: engine.inspect("t").phase != "running")
    return engine.inspect("t").exit_code


def supervisor(tmp_path: Path) -> psutil.Process:
    """The supervisor of the one task."""
    run = str(tmp_path / "tasks" / "t" / "run")
    found = [each for each in psutil.process_iter(["cmdline"]) if run in (each.info["cmdline"] or [])]
    assert len(found) == 1
    return found[0]


def is_zombie(process: psutil.Process) -> bool:
    """Ended, and not reaped yet."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_gone(process: psutil.Process) -> bool:
    """Ended; whoever inherited it may not have reaped it yet."""
    return is_zombie(process) or not process.is_running()


def test_a_task_dies_with_its_supervisor_and_is_lost(engine: ProcessEngine, tmp_path: Path) -> None:
    start(engine, FOREVER, says="up")
    woken = threading.Event()
    engine.watch("t", woken.set)
    family = [supervisor(tmp_path), *supervisor(tmp_path).children(recursive=True)]
    assert len(family) > 1
    family[0].kill()
    assert woken.wait(60)
    state = engine.inspect("t")
    assert (state.phase, state.exit_code, state.ended) == ("lost", None, None)
    assert state.started is not None
    until(lambda: all(is_gone(each) for each in family))
    start(engine, FOREVER)
    assert engine.inspect("t").phase == "lost"


def test_a_supervisor_that_is_asked_to_end_gives_its_task_time(engine: ProcessEngine, tmp_path: Path) -> None:
    start(engine, f"trap 'echo saved; exit 5' TERM; {FOREVER}", says="up")
    supervisor(tmp_path).terminate()
    assert ended(engine) == 5
    assert engine.logs("t", offset=0)[-1].message == "saved"


def test_supervisors_are_reaped(engine: ProcessEngine) -> None:
    start(engine, "exit 0")
    ended(engine)
    until(lambda: not any(is_zombie(each) for each in psutil.Process().children()))


def test_an_engine_that_died_before_the_claim_is_made_good(engine: ProcessEngine, tmp_path: Path) -> None:
    run = tmp_path / "tasks" / "t" / "run"
    run.mkdir(parents=True)
    (run / "lock").touch()
    (run / "about").write_text('{"fold')
    assert engine.inspect("t").phase == "unknown"
    start(engine, "exit 3")
    assert ended(engine) == 3


def test_what_was_claimed_is_not_run_again(engine: ProcessEngine, tmp_path: Path) -> None:
    run = tmp_path / "tasks" / "t" / "run"
    run.mkdir(parents=True)
    for name in ("lock", "claimed"):  # the machine went down before the time was written
        (run / name).touch()
    start(engine, "exit 3")
    assert engine.inspect("t").phase == "lost"
    engine.destroy("t")
    assert engine.inspect("t").phase == "unknown"


def test_a_torn_log_is_read_as_far_as_it_goes(engine: ProcessEngine, tmp_path: Path) -> None:
    start(engine, "echo one")
    ended(engine)
    log = tmp_path / "tasks" / "t" / "run" / "log"
    with log.open("ab") as file:
        file.write(b"\0\0\0\n1700000000000 half a li")
    lines = engine.logs("t", offset=0)
    assert [line.message for line in lines] == ["one", "\0\0\0"]
    assert engine.logs("t", offset=lines[-1].offset) == []


def test_no_secret_is_left_on_disk_and_nobody_else_can_look(engine: ProcessEngine, tmp_path: Path) -> None:
    start(engine, FOREVER, says="up", environment={"KEY": "hush-hush"})
    tasks = tmp_path / "tasks"
    for path in tasks.rglob("*"):
        if path.is_file():
            assert b"hush-hush" not in path.read_bytes()
    for folder in (tasks, tasks / "t" / "run"):
        assert folder.stat().st_mode & 0o077 == 0
    # The supervisor has let go of what it was told.
    held = [os.readlink(fd) for fd in Path(f"/proc/{supervisor(tmp_path).pid}/fd").iterdir()]
    assert not [name for name in held if "memfd" in name]


def test_the_controllers_own_folder_stays_when_a_task_is_destroyed(engine: ProcessEngine, tmp_path: Path) -> None:
    ml = tmp_path / "tasks" / "t" / "ml"
    ml.mkdir(parents=True)
    start(engine, "echo kept > kept; mkdir -p ~/locked/in && chmod 000 ~/locked", folder=ml)
    ended(engine)
    engine.destroy("t")
    assert [path.name for path in (tmp_path / "tasks" / "t").iterdir()] == ["ml"]
    assert (ml / "kept").read_text() == "kept\n"
    assert not (tmp_path / "tasks" / ".trash").exists()


def test_a_destroy_that_was_cut_short_is_finished_at_the_next_start(tmp_path: Path) -> None:
    left = tmp_path / "tasks" / ".trash" / "t-1234" / "tmp"
    left.mkdir(parents=True)
    engine = ProcessEngine(tmp_path / "tasks", SystemClock(), "off")
    assert not left.exists()
    assert list(engine.list()) == []
    engine.close()


def test_tasks_can_be_destroyed_by_many_threads_at_once(tmp_path: Path) -> None:
    engine = ProcessEngine(tmp_path / "tasks", SystemClock(), "off")
    ids = [f"t-{number}" for number in range(200)]
    for task_id in ids:
        (tmp_path / "tasks" / task_id / "run").mkdir(parents=True)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(engine.destroy, ids))
    assert list(engine.list()) == []
    engine.close()


@pytest.mark.skipif("memory" not in cgroups.find().parents, reason="this user may not make control groups")
def test_control_groups_of_an_engine_that_died_before_it_wrote_them_down_are_removed(tmp_path: Path) -> None:
    engine = ProcessEngine(tmp_path / "tasks", SystemClock(), "off")
    run = tmp_path / "tasks" / "t" / "run"
    run.mkdir(parents=True)
    made = engine._make_groups(Task("t", ["true"], resources=Resources(memory_bytes=1 << 26)), run)
    assert all(folder.is_dir() for folder in made)
    engine.destroy("t")
    assert made
    assert not any(folder.exists() for folder in made)
    engine.close()


def test_a_task_that_forks_away_ends_with_its_first_process(engine: ProcessEngine, tmp_path: Path) -> None:
    long = f"61.{os.getpid()}"  # nobody else's
    start(engine, f"sleep {long} & exit 4", folder=tmp_path)
    assert ended(engine) == 4
    assert not [each for each in psutil.process_iter(["cmdline"]) if long in (each.info["cmdline"] or [])]


def test_its_input_is_empty(engine: ProcessEngine) -> None:
    start(engine, "wc -c")
    assert ended(engine) == 0
    assert engine.logs("t", offset=0)[0].message == "0"


def test_a_dead_task_does_not_dump_core(engine: ProcessEngine) -> None:
    start(engine, "ulimit -c")
    ended(engine)
    assert engine.logs("t", offset=0)[0].message == "0"


def test_a_large_environment_and_command_fit(engine: ProcessEngine) -> None:
    big = {f"KEY_{number}": "x" * 1000 for number in range(300)}
    start(engine, "env | grep -c ^KEY_", environment=big)
    ended(engine)
    assert engine.logs("t", offset=0)[0].message == "300"


def test_sigpipe_kills_as_it_should(engine: ProcessEngine) -> None:
    start(engine, "(yes; echo $? >&2) | head -n 1")
    assert ended(engine) == 0
    assert {line.message for line in engine.logs("t", offset=0)} == {"y", str(128 + signal.SIGPIPE)}


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (Task("t", []), "no command"),
        (Task("t", ["true"], folder=Path("/nonexistent/ml")), "/nonexistent/ml does not exist"),
        (Task("t", ["true"], python=Path("/nonexistent")), "no Python environment at /nonexistent"),
        (Task("t", ["true"], mounts=[Mount(Path("/nonexistent"), "/opt/ml/x")]), "/opt/ml/x, does not exist"),
        (Task("t", ["true"], socket="/tmp/x.sock"), "does not lie under /opt/ml"),
    ],
)
def test_what_cannot_run_is_refused_in_words(engine: ProcessEngine, task: Task, words: str) -> None:
    with pytest.raises(Terminal, match=words):
        engine.start(task)
    assert list(engine.list()) == []


def test_a_socket_that_leads_elsewhere_has_no_address(engine: ProcessEngine, tmp_path: Path) -> None:
    (tmp_path / "ml" / "run").mkdir(parents=True)
    start(engine, "ln -s /var/run/docker.sock run/s", folder=tmp_path / "ml", socket="/opt/ml/run/s")
    ended(engine)
    assert engine.address("t") is None


def test_a_demanded_sandbox_that_is_missing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "available", lambda: "There is none.")
    for mode, refused in (("on", True), ("auto", False)):
        engine = ProcessEngine(tmp_path / mode, SystemClock(), mode)  # type: ignore[arg-type]
        if refused:
            with pytest.raises(Terminal, match="demand a sandbox"):
                engine.start(Task("t", ["true"]))
        else:
            start(engine, "exit 0")
            assert ended(engine) == 0
            assert "There is none." in engine.cannot()
        engine.close()


@pytest.mark.parametrize("mode", ["on", "off"])
def test_the_servers_engine_shows_tasks_the_toolkit(tmp_path: Path, mode: Literal["on", "off"]) -> None:
    if mode == "on" and (reason := sandbox.available()):
        pytest.skip(reason)
    engine = process.make(Settings(data=tmp_path, sandbox=mode), SystemClock())
    script = "import sagewright_container, importlib.util as u; print(u.find_spec('sagewright'))"
    engine.start(Task("t", ["python3", "-S", "-c", script]))
    assert ended(engine) == 0
    assert [line.message for line in engine.logs("t", offset=0)] == ["None"]
    engine.destroy("t")
    engine.close()


@pytest.mark.skipif(sandbox.available() is not None, reason=str(sandbox.available()))
def test_nothing_outlives_a_supervisor_that_dies_at_the_worst_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When bubblewrap has not yet asked to die with its parent: here it never does, and has left children behind."""
    beat = tmp_path / "beat"
    late = tmp_path / "bwrap"
    late.write_text(
        "#!/bin/sh\n"
        f"setsid sh -c 'trap \"\" TERM HUP; while :; do date +%N > {beat}; sleep 0.01; done' &\n"
        "exec sleep 600\n"
    )
    late.chmod(0o700)
    monkeypatch.setattr(sandbox, "program", lambda: str(late))
    engine = ProcessEngine(tmp_path / "tasks", SystemClock(), "on")
    start(engine, FOREVER)
    until(beat.exists)
    family = [supervisor(tmp_path), *supervisor(tmp_path).children(recursive=True)]
    assert len(family) > 2
    family[0].kill()
    until(lambda: all(is_gone(each) for each in family))
    assert engine.inspect("t").phase == "lost"
    engine.destroy("t")
    engine.close()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_child_without_its_supervisor_does_nothing(tmp_path: Path, moment: str) -> None:
    """It is asked before it becomes the task whether the supervisor, whose end of a pipe it watches, is still there."""
    source = Path(supervisor_module.__file__)
    script = (
        "import os, runpy, sys\n"
        f"them = runpy.run_path({str(source)!r}, run_name='supervisor')\n"
        "ours, lifeline = os.pipe()\n"
        f"{'os.close(lifeline)' if moment == 'before' else 'pass'}\n"
        "them['die_with'](ours)\n"
        "print('runs')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == ((137, "") if moment == "before" else (0, "runs\n"))


def test_more_than_it_may_write_ends_it_and_is_told(engine: ProcessEngine, tmp_path: Path) -> None:
    ml = tmp_path / "ml"
    ml.mkdir()
    script = "for n in 1 2 3 4 5 6; do head -c 1m /dev/zero > $n; done; sleep 600"
    start(engine, script, folder=ml, resources=Resources(disk_bytes=4 << 20))
    assert ended(engine) in (137, 143)
    assert engine.inspect("t").out_of_disk
    assert not engine.inspect("t").out_of_memory


def test_what_fits_is_not_minded(engine: ProcessEngine, tmp_path: Path) -> None:
    (tmp_path / "ml").mkdir()
    start(
        engine, "head -c 1m /dev/zero > file; exit 4", folder=tmp_path / "ml", resources=Resources(disk_bytes=4 << 20)
    )
    assert ended(engine) == 4
    assert not engine.inspect("t").out_of_disk
