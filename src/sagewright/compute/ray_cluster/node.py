"""What a warden does for its server: brings tasks to life, says what became of them, hands out what they leave."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import socket
import stat
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import psutil

import sagewright
from sagewright.base import toolkit
from sagewright.base.clock import SystemClock
from sagewright.base.errors import Terminal, Transient
from sagewright.compute.process import ProcessEngine
from sagewright.compute.ray_cluster import cargo, tasks
from sagewright.compute.ray_cluster.blobs import Blobs
from sagewright.compute.ray_cluster.relay import splice
from sagewright.compute.ray_cluster.wire import Wire
from sagewright.compute.venvs import Environments

_LOG = logging.getLogger(__name__)
_SMALL: Final = 1 << 20
"""Bytes of a file that is handed out while it is being written to; a larger one is left alone for a while first."""
_LEFT_ALONE: Final = 1.0
"""Seconds since its last change after which a file counts as written."""
_LOG_PIECE: Final = 16 << 20
"""Bytes of a log that are handed out at once."""
_INPUT: Final = "input"
"""The folder of /opt/ml that is only brought, never fetched."""

Marks = dict[str, cargo.Mark]


class Node:
    """One server's tasks on one node. Any thread."""

    def __init__(self, home: Path, shared: Path, host: str) -> None:
        """`home` is the server's folder for this node, `shared` is what all nodes of this machine share."""
        self._home, self._host = home, host
        self._endpoint = ("", 0)
        self._engine = engine(home / "tasks")
        runtimes = os.environ.get("SAGEWRIGHT_RUNTIMES")
        self._environments = Environments(Path(runtimes) if runtimes else shared / "runtimes")
        self._blobs = Blobs(home.parent / "blobs")
        self._sent: dict[str, tuple[int, Marks]] = {}
        self._guard = threading.Lock()
        self._busy: dict[str, threading.Lock] = {}
        self._ended = False
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="relay", daemon=True).start()

    def answer(self, message: Mapping[str, Any], wire: Wire) -> None:
        """Do what is asked. Raises SagewrightError for what cannot be done; nothing was said about it then."""
        operation: Callable[[Mapping[str, Any], Wire], None] = {
            "hello": self._hello,
            "start": self._start,
            "inspect": self._inspect,
            "stop": self._stop,
            "follow": self._follow,
            "usage": self._usage,
            "log": self._log,
            "changes": self._changes,
            "destroy": self._destroy,
        }[message["op"]]
        operation(message, wire)

    def end(self) -> None:
        """Say nothing more about tasks: what is killed now is lost, it has not ended."""
        self._ended = True

    def _seen(self, *ids: str) -> dict[str, dict[str, Any]]:
        """What is of some tasks."""
        states = {task: asdict(self._engine.inspect(task)) for task in ids}
        if self._ended:
            raise ConnectionError("the node has ended")
        return states

    # What it is, and what it runs.

    def _hello(self, message: Mapping[str, Any], wire: Wire) -> None:
        cannot = list(self._engine.cannot())
        wire.send({"version": sagewright.__version__, "sealed": self._engine.read_only_mounts, "cannot": cannot})

    def _inspect(self, message: Mapping[str, Any], wire: Wire) -> None:
        wire.send({"state": self._seen(message["id"])[message["id"]]})

    def _stop(self, message: Mapping[str, Any], wire: Wire) -> None:
        self._engine.stop(message["id"], grace=message["grace"])
        wire.send({})

    def _usage(self, message: Mapping[str, Any], wire: Wire) -> None:
        wire.send({"usage": {task: asdict(used) for task, used in self._engine.usage(message["ids"]).items()}})

    def _follow(self, message: Mapping[str, Any], wire: Wire) -> None:
        """Say which of some tasks do not run, once there is one or the time is over."""
        ended = threading.Event()
        for task in message["ids"]:
            self._engine.watch(task, ended.set)
        ended.wait(message["seconds"])
        states = self._seen(*message["ids"])
        wire.send({"states": {task: state for task, state in states.items() if state["phase"] != "running"}})

    # Starting.

    def _start(self, message: Mapping[str, Any], wire: Wire) -> None:
        """The other side has sent the task; it is asked for what is missing, then the task starts."""
        told = message["task"]
        task_id: str = told["id"]
        self._reach(*message["endpoint"])
        with self._alone(task_id):
            if self._engine.inspect(task_id).phase != "unknown":
                wire.send({"known": True})
                return
            home = self._home / "tasks" / task_id
            _remove(home)
            home.mkdir(mode=0o700, parents=True)
            wire.send({"missing": self._blobs.missing([each["key"] for each in message["blobs"]])})
            try:
                self._receive(message, wire, home)
                python, own = self._python(told["python"], home, lambda line: wire.send({"say": line}))
                self._adapt(told, home)
                _write(home / "baseline", self._marks(home, told["written"]))
                _write(home / "written", told["written"])
                self._engine.start(tasks.laid_out(told, home, python, own_python=own))
            except BaseException:
                if self._engine.inspect(task_id).phase == "unknown":
                    _remove(home)
                raise
        wire.send({"started": True})

    def _reach(self, host: str, port: int) -> None:
        """Where the platform is, for tasks that reach nothing else: a server that is started anew may be elsewhere."""
        with self._guard:
            if (host, port) != self._endpoint:
                self._endpoint = host, port
                self._engine = engine(self._home / "tasks", self._endpoint)

    def _receive(self, message: Mapping[str, Any], wire: Wire, home: Path) -> None:
        while (blob := wire.receive()).get("key"):
            self._blobs.keep(blob["key"], blob["size"], wire.reader())
        roots = {name: home / name for name in (tasks.ML, *(f"m{n}" for n in range(len(message["task"]["mounts"]))))}
        for name in message["folders"]:
            roots[name].mkdir(mode=0o700, exist_ok=True)
        stream = wire.reader()
        cargo.unpack(stream, roots)
        stream.drain()
        for each in message["blobs"]:
            root = roots[each["root"]]
            target = root / each["path"] if each["path"] else root
            target.parent.mkdir(parents=True, exist_ok=True)
            self._blobs.show(each["key"], target, linked=self._engine.read_only_mounts)

    def _python(
        self, wanted: Mapping[str, Any] | None, home: Path, say: Callable[[str], None]
    ) -> tuple[Path | None, bool]:
        """The environment, made here if need be, and whether it is the task's own."""
        if wanted is None:
            return None, False
        path = Path(wanted["path"])
        if wanted["recipe"] is not None:
            python = self._environments.remake(wanted["recipe"], say)
        elif (path / "bin" / "python").exists():
            python = path
        else:
            raise Terminal(f"There is no Python environment at {path} on this node, nor is it known how to make it.")
        if wanted["own"]:
            return self._environments.fork(python, home / "environment"), True
        return python, False

    def _adapt(self, told: Mapping[str, Any], home: Path) -> None:
        """Only here it is known by which interface the hosts of a job reach each other."""
        config = home / tasks.ML / "input" / "config" / "resourceconfig.json"
        apart = any(not address.startswith("127.") for address in told["hosts"].values())
        if not apart or not config.is_file():
            return
        for name, addresses in psutil.net_if_addrs().items():
            if any(each.address == self._host for each in addresses):
                config.write_text(json.dumps({**json.loads(config.read_text()), "network_interface_name": name}))

    # What they leave.

    def _log(self, message: Mapping[str, Any], wire: Wire) -> None:
        """The bytes of a task's log from an offset; not all of them at once."""
        path = self._home / "tasks" / message["id"] / "run" / "log"
        wire.send({})
        stream = wire.writer()
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            file.seek(message["offset"])
            stream.write(file.read(_LOG_PIECE))
        stream.end()

    def _changes(self, message: Mapping[str, Any], wire: Wire) -> None:
        """What has changed below the folders that a task writes to: since it started, or since what was taken at
        `ack`. With `whole` also what is half written, and the paths of all that is there."""
        task_id: str = message["id"]
        home = self._home / "tasks" / task_id
        try:
            written = json.loads((home / "written").read_bytes())
            baseline = {path: tuple(mark) for path, mark in json.loads((home / "baseline").read_bytes()).items()}
        except FileNotFoundError:
            raise Terminal(f"This node has nothing of the task {task_id}.") from None
        number, known = self._sent.get(task_id, (0, {}))
        before = {**baseline, **known} if message["ack"] == number else baseline
        now = time.time()
        marks: Marks = {}

        def wanted(root: str, found: cargo.Found) -> bool:
            if _is_input(root, found.path):
                return False
            path = f"{root}/{found.path}"
            is_busy = found.info.st_size > _SMALL and now - found.info.st_ctime < _LEFT_ALONE
            if before.get(path) == found.mark or (is_busy and not message["whole"]):
                marks[path] = before.get(path, (0, 0, 0))
                return False
            marks[path] = found.mark
            return not stat.S_ISDIR(found.info.st_mode) or path not in before

        wire.send({"number": number + 1})
        stream = wire.writer()
        cargo.pack({name: home / name for name in written}, stream, wanted)
        stream.end()
        wire.send({"paths": list(marks)} if message["whole"] else {})
        self._sent[task_id] = number + 1, marks

    def _marks(self, home: Path, written: list[str]) -> Marks:
        return {
            f"{root}/{found.path}": found.mark
            for root in written
            for found in cargo.walk(home / root)
            if not _is_input(root, found.path)
        }

    # The end.

    def _destroy(self, message: Mapping[str, Any], wire: Wire) -> None:
        task_id: str = message["id"]
        with self._alone(task_id):
            self._engine.destroy(task_id)
            _remove(self._home / "tasks" / task_id)
            self._sent.pop(task_id, None)
        wire.send({})

    @contextlib.contextmanager
    def _alone(self, task_id: str) -> Any:
        """One at a time for each task: a server that was killed while it brought one may be back at once."""
        with self._guard:
            lock = self._busy.setdefault(task_id, threading.Lock())
        if not lock.acquire(timeout=30):
            raise Transient(f"The node is still busy with the task {task_id}.")
        try:
            yield
        finally:
            lock.release()

    # Its socket.

    def connect(self, task_id: str, wire: Wire) -> None:
        """From now on the connection is to the task's own socket."""
        address = self._engine.address(task_id)
        task = socket.socket(socket.AF_UNIX)
        try:
            if address is None or self._ended:
                raise FileNotFoundError(task_id)
            task.connect(str(address))
        except OSError as problem:
            task.close()
            wire.send({"refused": str(problem)})
            wire.close()
            return
        wire.send({"connected": True})
        asyncio.run_coroutine_threadsafe(splice(wire.sock, task), self._loop)


def engine(folder: Path, endpoint: tuple[str, int] = ("", 0)) -> ProcessEngine:
    """What runs the tasks in a folder; with the toolkit that is installed here."""
    package = toolkit.folder()
    return ProcessEngine(folder, SystemClock(), toolkit=package.parent if package else None, endpoint=endpoint)


def _is_input(root: str, path: str) -> bool:
    return root == tasks.ML and (path == _INPUT or path.startswith(f"{_INPUT}/"))


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value))


def _remove(home: Path) -> None:
    if home.exists():
        shutil.rmtree(home, ignore_errors=True)
