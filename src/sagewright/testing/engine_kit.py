"""The law of `compute/base.py` as tests. An engine's test class inherits `EngineKit`, gives it an engine, and says what
it is able to.

What a task of the kit does is said as a `Program`, so that a fake can play it; real engines run its shell command.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sagewright.base.errors import Terminal
from sagewright.compute.base import Engine, LogLine, Mount, Resources, Task, TaskState

PATIENCE = 300.0
"""Seconds that anything of the kit may take before it counts as never."""
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Program:
    """Print `lines`, then `piece` without a newline; then end with `code`, or `runs` until stopped."""

    lines: Sequence[str] = ()
    piece: str = ""
    code: int = 0
    runs: bool = False
    deaf: bool = False
    """Does not heed SIGTERM."""
    last_words: str = ""
    """Heeds SIGTERM by saying this and ending with `code`."""

    def shell(self) -> str:
        """The same in POSIX shell."""
        out = []
        if self.deaf:
            out.append("trap '' TERM")
        if self.last_words:
            out.append(f"trap 'echo {self.last_words}; exit {self.code}' TERM")
        if self.lines or self.piece:
            # One write for all, so that who has seen the lines knows that the piece was written.
            words = [*self.lines, *([self.piece] if self.piece else [])]
            text = "%s\\n" * len(self.lines) + ("%s" if self.piece else "")
            out.append(f"printf {shlex.join([text, *words])}")
        # A shell heeds a trap between commands only, hence the short naps.
        out.append("while :; do sleep 0.02; done" if self.runs else f"exit {self.code}")
        return "; ".join(out)


class EngineTools:
    """What tests of engines are written with. Define the fixture `engine`, and `restart`; name in `abilities` what the
    engine can do.

    processes: tasks are processes that run `sh`. survives: tasks outlive a killed server (`owner` must be defined).
    network, platform, hosts, memory, mounts, sockets, isolation, usage: as the port says of each.
    """

    abilities: ClassVar[frozenset[str]] = frozenset()
    python: ClassVar[Path | None] = Path(sys.prefix)
    """An environment for tasks that need Python."""

    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        raise NotImplementedError

    def restart(self, engine: Engine) -> Engine:
        """What a server started anew, on the same data, would have."""
        raise NotImplementedError

    def owner(self, engine: Engine) -> str:
        """Python source that binds `engine` to an engine on the same data, for a process of its own."""
        raise NotImplementedError

    def command(self, program: Program) -> Sequence[str]:
        """The command of a task that does this."""
        return ["sh", "-c", program.shell()]

    def let_time_pass(self) -> None:
        """A little."""
        time.sleep(0.005)

    # What the tests are written with.

    def need(self, ability: str) -> None:
        if ability not in self.abilities:
            pytest.skip(f"this engine does not declare the ability {ability!r}")

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """What `condition` gives, once it is true."""
        end = time.monotonic() + PATIENCE  # real time, also where the engine's is not
        while not (found := condition()):
            assert time.monotonic() < end, f"never: {what}"
            self.let_time_pass()
        return found

    def task(self, program: Program, task_id: str = "task-1", **options: Any) -> Task:
        return Task(task_id, self.command(program), **options)

    def shell(self, script: str, folder: Path, task_id: str = "task-1", **options: Any) -> Task:
        ml = folder / f"{task_id}-ml"
        ml.mkdir(exist_ok=True)
        return Task(task_id, ["sh", "-c", script], folder=ml, **options)

    def ended(self, engine: Engine, task_id: str = "task-1") -> TaskState:
        def look() -> TaskState | None:
            state = engine.inspect(task_id)
            return None if state.phase == "running" else state

        state = self.until(look, f"{task_id} ends")
        assert isinstance(state, TaskState)
        return state

    def said(self, engine: Engine, task_id: str = "task-1") -> list[str]:
        return [line.message for line in self.lines(engine, task_id)]

    def lines(self, engine: Engine, task_id: str = "task-1", *, limit: int = 10_000) -> list[LogLine]:
        found: list[LogLine] = []
        while more := engine.logs(task_id, offset=found[-1].offset if found else 0, limit=limit):
            found += more
        return found

    def says(self, engine: Engine, line: str, task_id: str = "task-1") -> None:
        self.until(lambda: line in self.said(engine, task_id), f"{task_id} says {line!r}")

    def run(self, engine: Engine, task: Task) -> list[str]:
        """Run it to a good end; what it said."""
        engine.start(task)
        state = self.ended(engine, task.id)
        said = self.said(engine, task.id)
        assert (state.phase, state.exit_code) == ("exited", 0), said
        return said


class EngineKit(EngineTools):
    """The law. Inherit it and define what `EngineTools` asks for."""

    # Nothing is there.

    def test_an_unknown_task_is_unknown_and_nothing_minds(self, engine: Engine) -> None:
        for task_id in ("never-started", "Not an id/../x"):
            assert engine.inspect(task_id) == TaskState("unknown")
            assert engine.logs(task_id, offset=0) in ((), [])
            assert engine.address(task_id) is None
            engine.stop(task_id, grace=1)
            engine.destroy(task_id)
        assert list(engine.list()) == []

    def test_it_says_what_its_machines_have(self, engine: Engine) -> None:
        nodes = engine.machines()
        assert nodes
        for node in nodes:
            assert node.vcpus > 0
            assert node.memory_bytes > 0
            assert node.gpus >= 0

    @pytest.mark.parametrize("task_id", ["", "A", "a/b", "../a", "a" * 101, "-a"])
    def test_what_is_no_id_cannot_be_started(self, engine: Engine, task_id: str) -> None:
        with pytest.raises(Terminal):
            engine.start(self.task(Program(), task_id))

    # Starting and ending.

    @pytest.mark.parametrize("code", [0, 1, 3, 255])
    def test_the_exit_code_is_the_processs_own(self, engine: Engine, code: int) -> None:
        engine.start(self.task(Program(code=code)))
        state = self.ended(engine)
        assert (state.phase, state.exit_code, state.out_of_memory) == ("exited", code, False)
        assert state.started is not None
        assert state.ended is not None
        assert state.started <= state.ended

    def test_it_runs_from_the_moment_start_returns(self, engine: Engine) -> None:
        engine.start(self.task(Program(runs=True)))
        assert engine.inspect("task-1").phase == "running"

    def test_the_same_id_runs_once_however_often_it_is_started(self, engine: Engine) -> None:
        task = self.task(Program(lines=("ran",), runs=True))
        engine.start(task)
        engine.start(task)
        self.says(engine, "ran")
        engine.start(task)
        engine.stop("task-1", grace=0)
        state = self.ended(engine)
        engine.start(task)
        assert engine.inspect("task-1") == state
        assert self.said(engine) == ["ran"]

    def test_a_restarted_engine_knows_what_was(self, engine: Engine) -> None:
        task = self.task(Program(lines=("ran",), code=4))
        engine.start(task)
        state = self.ended(engine)
        again = self.restart(engine)
        assert again.inspect("task-1") == state
        assert list(again.list()) == ["task-1"]
        again.start(task)
        assert again.inspect("task-1") == state
        assert self.said(again) == ["ran"]

    def test_many_who_start_it_at_once_run_it_once(self, engine: Engine) -> None:
        other = self.restart(engine)
        task = self.task(Program(lines=("ran",)))
        gate = threading.Barrier(8)

        def start(who: Engine) -> None:
            gate.wait()
            who.start(task)

        threads = [threading.Thread(target=start, args=(who,)) for who in [engine, other] * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert self.ended(engine).exit_code == 0
        assert self.said(engine) == ["ran"]

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGABRT])
    def test_death_by_a_signal_is_128_and_the_signal(self, engine: Engine, tmp_path: Path, number: int) -> None:
        self.need("processes")
        engine.start(self.shell(f"kill -{int(number)} $$; sleep 60", tmp_path))
        assert self.ended(engine).exit_code == 128 + number

    def test_a_missing_program_is_127_and_said(self, engine: Engine, tmp_path: Path) -> None:
        self.need("processes")
        engine.start(Task("task-1", ["no-such-program"], folder=tmp_path))
        assert self.ended(engine).exit_code == 127
        assert any("no-such-program" in line and "not found" in line for line in self.said(engine))

    # Stopping.

    def test_stop_ends_it_by_sigterm(self, engine: Engine) -> None:
        engine.start(self.task(Program(lines=("up",), runs=True)))
        self.says(engine, "up")
        engine.stop("task-1", grace=60)
        assert self.ended(engine).exit_code == 143

    def test_a_task_may_use_its_grace(self, engine: Engine) -> None:
        engine.start(self.task(Program(lines=("up",), runs=True, last_words="saved", code=7)))
        self.says(engine, "up")
        engine.stop("task-1", grace=60)
        assert self.ended(engine).exit_code == 7
        assert self.said(engine) == ["up", "saved"]

    def test_what_does_not_heed_is_killed_after_its_grace(self, engine: Engine) -> None:
        engine.start(self.task(Program(lines=("up",), runs=True, deaf=True)))
        self.says(engine, "up")
        engine.stop("task-1", grace=0.3)
        assert self.ended(engine).exit_code == 137

    def test_asking_again_only_shortens_the_grace(self, engine: Engine) -> None:
        engine.start(self.task(Program(lines=("up",), runs=True, deaf=True)))
        self.says(engine, "up")
        engine.stop("task-1", grace=600)
        assert engine.inspect("task-1").phase == "running"
        engine.stop("task-1", grace=0.1)
        engine.stop("task-1", grace=600)
        assert self.ended(engine).exit_code == 137

    def test_a_stop_right_after_the_start_is_heeded(self, engine: Engine) -> None:
        engine.start(self.task(Program(runs=True)))
        engine.stop("task-1", grace=30)
        assert self.ended(engine).exit_code == 143

    def test_stopping_what_has_ended_changes_nothing(self, engine: Engine) -> None:
        engine.start(self.task(Program()))
        state = self.ended(engine)
        engine.stop("task-1", grace=0)
        assert engine.inspect("task-1") == state

    # Logs.

    def test_lines_come_in_order_and_go_on_at_their_offsets(self, engine: Engine) -> None:
        expected = [f"line {number} ü" for number in range(20)]
        engine.start(self.task(Program(lines=expected)))
        self.ended(engine)
        whole = self.lines(engine)
        assert [line.message for line in whole] == expected
        assert self.lines(engine, limit=3) == whole
        assert self.lines(self.restart(engine)) == whole
        times = [line.timestamp_ms for line in whole]
        assert times == sorted(times)

    def test_a_line_without_its_end_waits_until_the_task_ends(self, engine: Engine) -> None:
        engine.start(self.task(Program(lines=("whole",), piece="half", runs=True)))
        self.says(engine, "whole")
        assert self.said(engine) == ["whole"]
        engine.stop("task-1", grace=0)
        self.ended(engine)
        assert self.said(engine) == ["whole", "half"]

    def test_both_streams_and_any_bytes_arrive(self, engine: Engine, tmp_path: Path) -> None:
        self.need("processes")
        script = r"printf 'out\ttab\n'; printf 'err\n' >&2; printf 'bad \377 byte\r\n\n'; printf end"
        assert self.run(engine, self.shell(script, tmp_path)) == ["out\ttab", "err", "bad \ufffd byte\r", "", "end"]

    def test_a_very_long_line_is_cut(self, engine: Engine, tmp_path: Path) -> None:
        self.need("processes")
        pieces = self.run(engine, self.shell("head -c 1000000 /dev/zero | tr '\\0' x; echo; echo end", tmp_path))
        assert pieces.pop() == "end"
        assert "".join(pieces) == "x" * 1_000_000
        assert max(map(len, pieces)) <= 256 * 1024

    def test_a_chatty_task_loses_no_line(self, engine: Engine, tmp_path: Path) -> None:
        self.need("processes")
        assert self.run(engine, self.shell("seq 1 200000", tmp_path)) == [str(n) for n in range(1, 200_001)]

    # What it uses.

    def test_what_does_not_run_uses_nothing(self, engine: Engine) -> None:
        engine.start(self.task(Program()))
        self.ended(engine)
        assert engine.usage(["task-1", "never-started", "Not an id/../x"]) == {}
        assert engine.usage([]) == {}

    def test_tasks_are_told_apart_by_what_they_use(self, engine: Engine, tmp_path: Path) -> None:
        self.need("usage")
        keep = "{ head -c 64m /dev/zero; sleep 600; } | tail"  # which keeps its input, for want of a newline
        engine.start(self.shell("while :; do :; done", tmp_path, "busy"))
        engine.start(self.shell(f"{keep} & {keep}", tmp_path, "large"))

        def both() -> bool:
            used = engine.usage(["busy", "large"])
            if len(used) < 2:  # one of them has just begun
                return False
            return used["large"].memory_bytes > 128 * MIB and used["busy"].cpu_seconds > 0

        self.until(both, "one has computed, the other one's processes have their memory")
        first, second = engine.usage(["busy", "large"]), self.restart(engine).usage(["large", "busy"])
        assert first["large"].memory_bytes < 256 * MIB
        assert first["busy"].memory_bytes < 64 * MIB
        assert second["busy"].cpu_seconds >= first["busy"].cpu_seconds

    # Watching.

    def test_watchers_are_woken_when_it_ends(self, engine: Engine) -> None:
        engine.start(self.task(Program(runs=True)))
        woken = [threading.Event(), threading.Event()]

        def fail() -> None:
            raise RuntimeError("a listener of the kit's that fails")

        engine.watch("task-1", woken[0].set)
        engine.watch("task-1", fail)
        engine.watch("task-1", woken[1].set)
        assert not any(event.is_set() for event in woken)
        engine.stop("task-1", grace=30)
        for event in woken:
            self.until(event.is_set, "the watcher is woken")
        assert engine.inspect("task-1").phase == "exited"

    def test_watchers_of_what_is_over_are_woken_at_once(self, engine: Engine) -> None:
        engine.start(self.task(Program()))
        self.ended(engine)
        for task_id in ("task-1", "never-started"):
            woken = threading.Event()
            engine.watch(task_id, woken.set)
            self.until(woken.is_set, "the watcher is woken")

    def test_a_restarted_engine_can_watch(self, engine: Engine) -> None:
        engine.start(self.task(Program(runs=True)))
        again = self.restart(engine)
        woken = threading.Event()
        again.watch("task-1", woken.set)
        assert not woken.wait(0.05)
        again.stop("task-1", grace=30)
        self.until(woken.is_set, "the watcher is woken")
        assert again.inspect("task-1").phase == "exited"

    # Forgetting.

    def test_list_has_what_was_not_destroyed(self, engine: Engine) -> None:
        engine.start(self.task(Program(), "a-1"))
        engine.start(self.task(Program(runs=True), "b-2"))
        assert sorted(engine.list()) == ["a-1", "b-2"]
        self.ended(engine, "a-1")
        engine.destroy("a-1")
        assert list(engine.list()) == ["b-2"]
        assert engine.inspect("a-1") == TaskState("unknown")
        assert not engine.logs("a-1", offset=0)

    def test_destroy_ends_what_runs(self, engine: Engine) -> None:
        engine.start(self.task(Program(lines=("up",), runs=True, deaf=True)))
        self.says(engine, "up")
        woken = threading.Event()
        engine.watch("task-1", woken.set)
        engine.destroy("task-1")
        assert engine.inspect("task-1") == TaskState("unknown")
        assert list(engine.list()) == []
        self.until(woken.is_set, "the watcher is woken")

    def test_nothing_runs_on_after_destroy(self, engine: Engine, tmp_path: Path) -> None:
        self.need("processes")
        # The child in the background ignores SIGTERM and has its own session: only a thorough engine gets it.
        beat = "trap '' TERM; while :; do date +%N > /opt/ml/beat; date +%N > beat; sleep 0.01; done"
        engine.start(self.shell(f"setsid sh -c {shlex.quote(beat)} 2>/dev/null & sleep 60", tmp_path))
        file = tmp_path / "task-1-ml" / "beat"
        self.until(file.exists, "the task writes")
        engine.destroy("task-1")
        before = file.read_text()
        time.sleep(0.1)
        assert file.read_text() == before

    def test_close_lets_tasks_go_on(self, engine: Engine) -> None:
        engine.start(self.task(Program(runs=True)))
        again = self.restart(engine)
        engine.close()
        assert again.inspect("task-1").phase == "running"

    # What a task is given.

    def test_the_environment_arrives_and_is_nobodys_business(self, engine: Engine, tmp_path: Path) -> None:
        self.need("processes")
        secret = f"secret-{os.getpid()}-{tmp_path.name}"
        task = self.shell('echo "$TOKEN"; sleep 60', tmp_path, environment={"TOKEN": secret, "ODD": "a\nb=c\u00fc"})
        engine.start(task)
        self.says(engine, secret)
        seen = b"\n".join(_command_lines())
        assert secret.encode() not in seen
        readable = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
        leaks = [path for path in readable if path.stat().st_mode & 0o077 and secret.encode() in path.read_bytes()]
        assert leaks == []

    def test_the_servers_own_environment_stays_outside(
        self, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.need("processes")
        monkeypatch.setenv("SERVER_SECRET", "do-not-tell")
        assert "do-not-tell" not in "\n".join(self.run(engine, self.shell("env", tmp_path)))

    def test_the_environments_python_comes_first(self, engine: Engine, tmp_path: Path) -> None:
        self.need("processes")
        script = "import sys, os; print(sys.prefix); os.system('command -v python')"
        task = Task("task-1", ["python", "-c", script], python=self.python, folder=tmp_path)
        assert self.run(engine, task) == [str(self.python), f"{self.python}/bin/python"]

    def test_more_memory_than_it_may_use_ends_it_and_is_told(self, engine: Engine, tmp_path: Path) -> None:
        self.need("memory")
        script = "head -c 300m /dev/zero | tail"  # which keeps its input, for want of a newline
        engine.start(self.shell(script, tmp_path, resources=Resources(memory_bytes=100 * MIB)))
        state = self.ended(engine)
        assert (state.exit_code, state.out_of_memory) == (137, True)

    def test_other_deaths_are_not_for_want_of_memory(self, engine: Engine, tmp_path: Path) -> None:
        self.need("memory")
        engine.start(self.shell("kill -9 $$", tmp_path, resources=Resources(memory_bytes=100 * MIB)))
        assert self.ended(engine).out_of_memory is False

    def test_hosts_resolve(self, engine: Engine, tmp_path: Path) -> None:
        self.need("hosts")
        script = "hostname; getent hosts algo-1 algo-2; getent hosts localhost >/dev/null && echo local"
        hosts = {"algo-1": "127.0.0.1", "algo-2": "127.0.0.3"}
        said = self.run(engine, self.shell(script, tmp_path, hosts=hosts, hostname="algo-1"))
        assert [line.split() for line in said] == [
            ["algo-1"],
            ["127.0.0.1", "algo-1"],
            ["127.0.0.3", "algo-2"],
            ["local"],
        ]

    def test_no_network_is_none_but_loopback(self, engine: Engine, tmp_path: Path) -> None:
        self.need("network")
        with socket.create_server(("127.0.0.1", 0)) as server:
            script = _REACH % server.getsockname()[1]
            for network, expected in (("none", ["apart", "loopback"]), ("host", ["reached", "loopback"])):
                task = Task(f"net-{network}", ["python", "-c", script], python=self.python, network=network)  # type: ignore[arg-type]
                assert self.run(engine, task) == expected

    def test_the_platform_alone_is_reached_where_that_is_asked(self, engine: Engine, tmp_path: Path) -> None:
        self.need("platform")
        with socket.create_server(("127.0.0.1", 0)) as server:
            script = _REACH % server.getsockname()[1]
            task = Task("task-1", ["python", "-c", script], python=self.python, network="platform")
            assert self.run(engine, task) == ["apart", "loopback"]

    def test_mounts_are_shown_and_only_writable_ones_can_be_written_to(self, engine: Engine, tmp_path: Path) -> None:
        self.need("mounts")
        for name in ("given", "kept"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "file").write_text(f"{name}\n")
        mounts = [
            Mount(tmp_path / "given", "/opt/ml/input/data/train"),
            Mount(tmp_path / "kept", "/opt/ml/checkpoints", writable=True),
        ]
        script = (
            "cat /opt/ml/input/data/train/file /opt/ml/checkpoints/file;"
            "echo x > /opt/ml/input/data/train/file; chmod 777 /opt/ml/input/data/train/file;"
            "mv /opt/ml/input/data/train/file /opt/ml/input/data/train/other;"
            "echo new > /opt/ml/checkpoints/file; echo mine > /opt/ml/own"
        )
        said = self.run(engine, self.shell(script, tmp_path, mounts=mounts))
        assert said[:2] == ["given", "kept"]
        assert (tmp_path / "given" / "file").read_text() == "given\n"
        assert (tmp_path / "given" / "file").stat().st_mode & 0o777 != 0o777
        assert (tmp_path / "kept" / "file").read_text() == "new\n"
        assert (tmp_path / "task-1-ml" / "own").read_text() == "mine\n"

    def test_it_says_whether_mounts_can_be_read_only(self, engine: Engine) -> None:
        assert engine.read_only_mounts == ("mounts" in self.abilities)

    def test_what_is_not_the_tasks_does_not_exist_for_it(self, engine: Engine, tmp_path: Path) -> None:
        self.need("isolation")
        (tmp_path / "secret").write_text("do-not-tell")
        engine.start(self.shell("echo do-not-tell > /opt/ml/own; sleep 60", tmp_path, "other"))
        self.until((tmp_path / "other-ml" / "own").exists, "the other task writes")
        places = shlex.join(map(str, [tmp_path / "secret", tmp_path / "other-ml" / "own", Path.home(), "/etc/shadow"]))
        script = (
            f"cat {places} 2>/dev/null; ls {places} 2>/dev/null;ps ax | grep -c 'sleep [6]0'; touch /usr/x || echo ro"
        )
        engine.start(self.shell(script, tmp_path))
        self.ended(engine)
        said = self.said(engine)
        assert "do-not-tell" not in said
        assert said[0] == "0"
        assert said[-1] == "ro"

    def test_a_socket_can_be_reached_from_outside(self, engine: Engine, tmp_path: Path) -> None:
        self.need("sockets")
        folder = tmp_path / ("deep-" * 20) / "ml"
        (folder / "run").mkdir(parents=True)
        path = "/opt/ml/run/model.sock"
        task = Task("s" * 60, ["python", "-c", _SERVE, path], python=self.python, folder=folder, socket=path)
        engine.start(task)
        self.says(engine, "up", task.id)
        address = engine.address(task.id)
        assert address is not None
        assert len(os.fsencode(address)) <= 100
        assert self.restart(engine).address(task.id) == address
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(address))
            assert client.recv(100) == b"hello"
        self.ended(engine, task.id)
        engine.destroy(task.id)
        assert not os.path.lexists(address)

    # A server that is killed.

    def test_a_task_outlives_its_server(self, engine: Engine, tmp_path: Path) -> None:
        self.need("survives")
        task = self.task(Program(lines=("up",), runs=True, last_words="bye"))
        with self._server(engine, [task]) as server:
            self.says(engine, "up")
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
        assert engine.inspect("task-1").phase == "running"
        woken = threading.Event()
        engine.watch("task-1", woken.set)
        engine.start(task)
        engine.stop("task-1", grace=60)
        self.until(woken.is_set, "the watcher is woken")
        assert engine.inspect("task-1").exit_code == 0
        assert self.said(engine) == ["up", "bye"]

    def test_the_grace_runs_out_without_a_server(self, engine: Engine, tmp_path: Path) -> None:
        self.need("survives")
        task = self.task(Program(lines=("up",), runs=True, deaf=True))
        then = (
            "while not engine.logs('task-1', offset=0): time.sleep(0.01)\n"
            "engine.stop('task-1', grace=0.5); print('asked', flush=True)"
        )
        with self._server(engine, [task], then) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == "asked\n"
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
        assert self.ended(engine).exit_code == 137

    def test_a_server_killed_while_it_starts_tasks_loses_and_doubles_none(self, engine: Engine) -> None:
        self.need("survives")
        tasks = [self.task(Program(lines=(f"ran {number}",)), f"t-{number}") for number in range(12)]
        with self._server(engine, tasks, paced=True) as server:
            assert server.stdout is not None
            for _ in range(5):
                server.stdout.readline()
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
        for task in tasks:
            engine.start(task)
        for number, task in enumerate(tasks):
            assert self.ended(engine, task.id).exit_code == 0
            assert self.said(engine, task.id) == [f"ran {number}"]

    def _server(
        self, engine: Engine, tasks: Sequence[Task], then: str = "", *, paced: bool = False
    ) -> subprocess.Popen[str]:
        """A process with an engine of its own that starts `tasks`, does `then`, and waits to be killed."""
        given = json.dumps([[task.id, list(task.command)] for task in tasks])
        source = "\n".join(
            [
                "import json, time",
                "from sagewright.compute.base import Task",
                self.owner(engine),
                f"for task_id, command in json.loads({given!r}):",
                "    engine.start(Task(task_id, command))",
                "    print(task_id, flush=True)" if paced else "    pass",
                then or "pass",
                "time.sleep(60)",
            ]
        )
        return subprocess.Popen(
            [sys.executable, "-c", source], stdout=subprocess.PIPE, text=True, start_new_session=True
        )


_SERVE = """
import socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.bind(sys.argv[1]); server.listen(); print("up", flush=True)
    server.accept()[0].sendall(b"hello")
"""

_REACH = """
import socket
try: socket.create_connection(("127.0.0.1", %d), timeout=5); print("reached")
except OSError: print("apart")
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname(), timeout=5); print("loopback")
"""


def _command_lines() -> Iterator[bytes]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            yield (folder / "cmdline").read_bytes()
        except OSError:
            continue  # it has just ended
