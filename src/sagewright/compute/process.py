"""The default engine: a task is a child of a supervisor of its own, in a bubblewrap sandbox where there is one.

What it keeps of a task, and where, is in `task_folder.py`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import marshal
import os
import py_compile
import shutil
import sys
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from sagewright.base import toolkit
from sagewright.base.clock import Clock
from sagewright.base.errors import Terminal, Transient
from sagewright.base.settings import Settings
from sagewright.compute import cgroups, links, logfile, plain, sandbox, spawning, syscalls, task_folder, usage
from sagewright.compute.base import Engine, LogLine, Task, TaskState, Usage
from sagewright.compute.machine import Machine
from sagewright.compute.networks import Networks
from sagewright.compute.watcher import Watcher

_LOG = logging.getLogger(__name__)
_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_METADATA = "/_sagewright/metadata"
"""Where the platform answers as a machine's metadata does, by a task's token."""
_PATIENCE = 5.0
"""Seconds to wait for a supervisor to come up or to go."""


class ProcessEngine(Engine):
    """Runs tasks as child processes."""

    name = "process"

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        sandbox: Literal["auto", "on", "off"] = "auto",
        *,
        toolkit: Path | None = None,
        endpoint: tuple[str, int] = ("", 0),
    ) -> None:
        """`folder` is made if missing; `toolkit` is the folder that holds `sagewright_container`; `endpoint` is the
        address and port of the platform, for tasks that reach nothing else."""
        self._folder = folder.absolute()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._clock = clock
        self._sandbox = sandbox
        self._toolkit = toolkit.absolute() if toolkit else None
        self._cgroups = cgroups.find()
        self._pause = threading.Event()
        self._watcher = Watcher(lambda task_id: self.inspect(task_id).phase == "running")
        self._supervisor = _compiled(self._folder)
        self._networks = Networks(self._folder / ".networks", endpoint)
        self._networks.tidy()
        shutil.rmtree(self._folder / ".trash", ignore_errors=True)

    # -- what it can do

    def cannot(self) -> Sequence[str]:
        sentences = []
        if not self._sandboxed():
            reason = sandbox.available() or "Tasks run without a sandbox, as the settings say."
            sentences += [reason, *plain.CANNOT]
        elif not syscalls.filter_program():
            sentences.append("Tasks may make every system call: this kind of processor's are not known here.")
        if "memory" not in self._cgroups.parents:
            sentences.append(
                "Memory is limited per process of a task, not per task, and a task that wants more gets a "
                "MemoryError: this user may not make control groups."
            )
        if "cpu" not in self._cgroups.parents:
            sentences.append("Processor time is not limited: this user may not make control groups.")
        if "pids" not in self._cgroups.parents and not self._counts_processes():
            sentences.append("The number of a task's processes is not limited: this user may not make control groups.")
        sentences.append("Images run in the Python environment that answers to them, not in their own file system.")
        return sentences

    def _counts_processes(self) -> bool:
        """Whether the kernel counts a task's processes by its user: it counts nobody's who is root outside."""
        return self._sandboxed() and os.getuid() != 0

    @property
    def servers(self) -> Literal["one", "machine", "all"]:
        return "machine"

    @property
    def read_only_mounts(self) -> bool:
        return self._sandboxed()

    def _sandboxed(self) -> bool:
        return self._sandbox != "off" and sandbox.available() is None

    # -- the engine's port

    def machines(self) -> Sequence[Machine]:
        return [Machine.here()]

    def start(self, task: Task) -> None:
        run = self._run(task.id)
        if task_folder.was_claimed(run):
            return
        self._check(task)
        lock = self._take_for_start(run)
        if lock is None:
            return
        try:
            pid = self._spawn(task, run, lock)
        except (OSError, Terminal) as problem:
            self._remove(run)
            if isinstance(problem, Terminal):
                raise
            raise Transient(f"The task's supervisor could not be started: {problem}.") from problem
        finally:
            os.close(lock)
        self._watcher.adopt(task.id, pid)

    def inspect(self, task_id: str) -> TaskState:
        return task_folder.state(self._run(task_id))

    def stop(self, task_id: str, *, grace: float) -> None:
        task_folder.ask_to_stop(self._run(task_id), grace)

    def watch(self, task_id: str, wake: Callable[[], None]) -> None:
        self._watcher.watch(task_id, self._run(task_id) / "control", wake)

    def logs(self, task_id: str, *, offset: int, limit: int = 10_000) -> Sequence[LogLine]:
        return logfile.read(self._run(task_id) / "log", offset, limit)

    def address(self, task_id: str) -> Path | None:
        about = task_folder.about(self._run(task_id))
        if not about.get("socket"):
            return None
        run = self._run(task_id)
        folder, inside = Path(about["folder"]), os.path.relpath(about["socket"], "/opt/ml")
        if not about.get("sandboxed"):
            path = links.make(folder, run) / inside
            return path if path.resolve().is_relative_to(folder.resolve()) else None
        # A task could put a link in its socket's place at any moment, and have us talk to somebody else's: so we keep
        # the sockets themselves where it does not come.
        pinned = run / "pinned"
        if not links.pin(folder, inside, pinned):
            return None
        return links.make(pinned, run) / os.path.basename(inside)

    def usage(self, task_ids: Collection[str]) -> Mapping[str, Usage]:
        # A supervisor that has written how its task ended is about to go, and is no task any more.
        running = [task_id for task_id in task_ids if not (self._run(task_id) / "result").exists()]
        runs = {os.fsencode(self._run(task_id)): task_id for task_id in running}
        return usage.of_tasks(runs, os.fsencode(self._supervisor)) if runs else {}

    def list(self) -> Sequence[str]:
        return sorted(entry.name for entry in os.scandir(self._folder) if os.path.isdir(f"{entry.path}/run"))

    def destroy(self, task_id: str) -> None:
        run = self._run(task_id)
        until = self._clock.monotonic() + _PATIENCE
        while run.exists():
            lock = task_folder.take(run)
            if lock is not None:
                try:
                    self._remove(run)
                finally:
                    os.close(lock)
                break
            self.stop(task_id, grace=0)
            if self._clock.monotonic() > until:
                raise Transient(f"The task {task_id} was killed but has not ended yet.")
            self._pause.wait(0.003)
        links.remove(run)
        with contextlib.suppress(OSError):
            run.parent.rmdir()  # stays where the controller keeps the task's own folder in it

    def close(self) -> None:
        self._watcher.close()

    # -- starting

    def _run(self, task_id: str) -> Path:
        return task_folder.of(self._folder, task_id)

    def _check(self, task: Task) -> None:
        """Refuse now, in words, what would fail later without."""
        check(task)
        if task.image is not None:
            raise Terminal("Tasks run in images as themselves with --engine container.")
        if self._sandbox == "on" and (reason := sandbox.available()):
            raise Terminal(f"The settings demand a sandbox, and there is none. {reason}")
        if len(task.hosts) > 1 and not self._sandboxed():
            raise Terminal(f"Several hosts need a sandbox, in which their names resolve. {sandbox.available() or ''}")

    def _take_for_start(self, run: Path) -> int | None:
        """The lock, or None when somebody else has started the task. Waits for one who is about to."""
        until = self._clock.monotonic() + _PATIENCE
        while True:
            run.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = task_folder.take(run)
            if task_folder.was_claimed(run):
                if lock is not None:
                    os.close(lock)
                return None
            if lock is not None or self._clock.monotonic() > until:
                return lock
            self._pause.wait(0.002)

    def _spawn(self, task: Task, run: Path, lock: int) -> int:
        """Start the supervisor; its pid. It inherits the lock, so there is no moment at which nobody holds it."""
        with contextlib.ExitStack() as stack:
            groups = self._make_groups(task, run)
            sandboxed = self._sandboxed()
            link = links.make(task.folder, run) if task.socket and task.folder and not sandboxed else None
            about = {
                "folder": str(task.folder),
                "socket": task.socket,
                "sandboxed": sandboxed,
                "cgroups": [str(group) for group in groups],
            }
            (run / "about").write_text(json.dumps(about))
            order, options = self._order(task, run, groups, link)
            control = task_folder.make_control(run)
            stack.callback(os.close, control)
            handed = [spawning.hidden_file(marshal.dumps(order), run), lock, control]
            stack.callback(os.close, handed[0])
            if options:
                for data in (b"\0".join(options) + b"\0", syscalls.filter_program()):
                    handed.append(spawning.hidden_file(data, run))
                    stack.callback(os.close, handed[-1])
                handed += self._join(task, stack)
            high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in handed]
            for fd in high:
                stack.callback(os.close, fd)
            return spawning.spawn(
                [sys.executable, "-I", "-S", str(self._supervisor), str(run)],
                [(fd, target) for fd, target in zip(high, (0, 3, 4, 5, 6, 7, 8, 9), strict=False)],
                run / "supervisor.log",
            )

    def _join(self, task: Task, stack: contextlib.ExitStack) -> Sequence[int]:
        """What leads into the task's own network, where it has one that bubblewrap does not make by itself."""
        if not sandbox.has_kept_network(task):
            return ()
        grant = task.environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
        access = self._networks.join(
            task.group or task.id,
            reaches_platform=task.network == "platform",
            metadata=f"{_METADATA}/{grant}" if grant else "",
        )
        for fd in access.descriptors():
            stack.callback(os.close, fd)
        return access.descriptors()

    def _make_groups(self, task: Task, run: Path) -> Sequence[Path]:
        try:
            return self._cgroups.make(_group_name(run), task.resources)
        except OSError as problem:
            _LOG.warning("Task %s runs without control groups: %s", task.id, problem)
            return ()

    def _order(
        self, task: Task, run: Path, groups: Sequence[Path], link: Path | None
    ) -> tuple[dict[str, Any], Sequence[bytes]]:
        """What the supervisor is told, and what bubblewrap is told (nothing without a sandbox)."""
        limited = any((group / "memory.max").exists() or "memory" in str(group) for group in groups)
        order: dict[str, Any] = {
            "sandboxed": self._sandboxed(),
            "networked": self._sandboxed() and sandbox.has_kept_network(task),
            "cgroups": [str(group) for group in groups],
            "data_limit": 0 if limited else task.resources.memory_bytes or 0,
            "disk_limit": task.resources.disk_bytes or 0,
            # Files in memory are files as well.
            "file_limit": max(task.resources.disk_bytes, task.resources.memory_bytes or 0)
            if task.resources.disk_bytes
            else 0,
            # With the log, which a task could fill the disk with as well.
            "disk_folders": [os.fsencode(folder) for folder in (task.folder, run) if folder is not None],
        }
        if not order["sandboxed"]:
            environment, cwd = plain.prepare(task, run, self._toolkit, link)
            order["argv"] = [os.fsencode(word) for word in task.command]
            order["environment"] = {os.fsencode(k): os.fsencode(v) for k, v in environment.items()}
            order["cwd"] = os.fsencode(cwd)
            return order, ()
        options = list(sandbox.arguments(task, run, self._toolkit))
        for key, value in sandbox.environment(task, self._toolkit).items():
            options += ["--setenv", key, value]
        # The shell gives a missing program the exit code 127, which bubblewrap does not.
        count = "" if "pids" in self._cgroups.parents else sandbox.limit_processes(task.resources.processes)
        command = [sandbox.program() or "bwrap", "--args", "5", "--", "/bin/sh", "-c", f'{count}exec "$@"', "sh"]
        order["argv"] = [os.fsencode(word) for word in (*command, *task.command)]
        order["environment"] = {}
        order["cwd"] = b"/"
        return order, [os.fsencode(option) for option in options]

    def _remove(self, run: Path) -> None:
        # Those that were made are written down too late for a crash in between, so all that could be are tried.
        known = [Path(group) for group in task_folder.about(run).get("cgroups", ())]
        possible = [parent / _group_name(run) for parent in self._cgroups.parents.values()]
        cgroups.remove(list(dict.fromkeys([*known, *possible])))
        task_folder.discard(run, self._folder / ".trash")


def make(settings: Settings, clock: Clock) -> ProcessEngine:
    """The engine of a server with these settings; the container toolkit is the one installed beside us."""
    package = toolkit.folder()
    place = package.parent if package else None
    return ProcessEngine(settings.data / "tasks", clock, settings.sandbox, toolkit=place, endpoint=settings.endpoint)


def check(task: Task) -> None:
    """Refuse what no engine could run. Raises Terminal."""
    if not task_folder.ID.fullmatch(task.id):
        raise Terminal(f"{task.id!r} is not a task id: small letters, digits and hyphens, at most 100.")
    if not task.command:
        raise Terminal("The task has no command.")
    if task.folder is not None and not task.folder.is_dir():
        raise Terminal(f"The task's folder {task.folder} does not exist.")
    if task.python is not None and not (task.python / "bin" / "python").exists():
        raise Terminal(f"There is no Python environment at {task.python}.")
    for mount in task.mounts:
        if not mount.source.exists():
            raise Terminal(f"{mount.source}, to be shown to the task at {mount.target}, does not exist.")
    if task.socket is not None and (task.folder is None or not _below_opt_ml(task.socket)):
        raise Terminal(f"The task's socket {task.socket} does not lie under /opt/ml.")


def _compiled(folder: Path) -> Path:
    """The supervisor, compiled: Python would compile a script anew each time (5 ms)."""
    mark = hashlib.sha256(_SUPERVISOR.read_bytes()).hexdigest()[:12]
    path = folder / f".supervisor-{mark}.{sys.implementation.cache_tag}.pyc"
    if not path.exists():
        for old in folder.glob(".supervisor-*"):
            old.unlink(missing_ok=True)
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        py_compile.compile(str(_SUPERVISOR), cfile=str(path), doraise=True, invalidation_mode=mode)
    return path


def _group_name(run: Path) -> str:
    return "sagewright-" + hashlib.sha256(os.fsencode(run)).hexdigest()[:16]


def _below_opt_ml(path: str) -> bool:
    return os.path.normpath(path).startswith("/opt/ml/")
