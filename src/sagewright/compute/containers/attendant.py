"""Looks after one task's container, alone: `python -m sagewright.compute.containers.attendant <run folder>`.

It outlives the server, as the process engine's supervisor does, and keeps the same files in the task's folder: it
holds the lock, writes the log as the container's output comes, stops it with grace, and notes how it ended. The
container itself belongs to the engine: an attendant that is killed is followed by another one, which goes on.

File descriptors it is given: as the supervisor's, without the sandbox's.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]
import contextlib
import fcntl
import json
import marshal
import os
import select
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final, TypedDict

from sagewright.compute.containers import relay
from sagewright.compute.containers.api import Api, Refused
from sagewright.compute.containers.oom import OutOfMemory
from sagewright.compute.supervisor import (
    CONTROL,
    LOCK,
    READ,
    Disk,
    Log,
    claim,
    complain,
    graces,
    on_sigterm,
    write_durably,
)

_NOT_STARTED: Final = 125
"""The exit code of a container that could not be made, as docker's own."""
_PORCH_S: Final = 30.0
_AGAIN_S: Final = 0.5
_DEAF_S: Final = 1.0
_TERM, _KILL = "SIGTERM", "SIGKILL"


class Order(TypedDict):
    """What to run."""

    api: str
    """The engine's socket."""
    name: str
    """The container's."""
    porch: str
    """Of the container that has its network; '' where it needs none."""
    endpoint: str
    """`HOST:PORT` of this server."""
    disk_folders: list[str]
    disk_limit: int
    """Bytes that the files in these folders, and in the container's own layer, may take together; 0 for no limit."""
    podman: bool
    bodies: dict[str, Any] | None
    """Of both containers, by their names; None for one that an attendant before had made."""


class Attendant:
    """One container, from its making to its result."""

    def __init__(self, folder: str, order: Order) -> None:
        self._folder = folder
        self._order = order
        self._api = Api(order["api"])
        self._path = f"/containers/{order['name']}"
        self._log = Log(f"{folder}/log")
        self._output = os.open(f"{folder}/output", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._ended, self._end = os.pipe()
        self._started = _claimed(folder)
        self._deadline: float | None = None
        self._deaf_until = 0.0
        """Until when its first process may not have got round to asking for signals, by the monotonic clock."""
        self._sent: str | None = None
        self._pressed = 0.0
        self._memory: OutOfMemory | None = None
        self._disk: Disk | None = None
        self._pid = 0

    def run(self) -> None:
        """See the container through; the result is written last."""
        try:
            self._begin()
        except Refused as problem:
            self._log.feed(f"The container could not be started: {problem}.\n".encode())
            self._log.finish()
            self._write_result(_NOT_STARTED, oom=False)
            return
        except OSError as problem:  # it may run or not: whoever looks next finds out
            complain(f"the engine does not answer: {problem}")
            return
        if self._memory is None:
            self._look_after()
        threading.Thread(target=self._wait, daemon=True).start()
        self._see_to_the_end()
        state = self._state()
        self._drain()
        self._log.finish()
        if state is not None:
            code = int(state["ExitCode"])
            oom = bool(state.get("OOMKilled")) or (self._memory is not None and self._memory.in_the_end(code))
            self._write_result(code, oom=oom)
        if self._order["porch"]:
            with contextlib.suppress(Refused, OSError):
                self._api.remove(f"/containers/{self._order['porch']}")

    def _begin(self) -> None:
        """Make and start what is not there yet."""
        bodies = self._order["bodies"]
        if self._order["porch"]:
            self._open_door()
            if bodies is not None:
                self._make(self._order["porch"], bodies[self._order["porch"]])
                self._await_porch()
        if bodies is not None:
            self._api.call("POST", "/containers/create", {"name": self._order["name"]}, bodies[self._order["name"]])
        elif self._api.call("GET", f"{self._path}/json")["State"]["Status"] not in ("created", "initialized"):
            return
        if self._order["podman"]:
            # Podman may not tell of want of memory, and a task can run into it at once: we look before it runs.
            self._api.call("POST", f"/libpod{self._path}/init")
            self._look_after()
        self._api.call("POST", f"{self._path}/start")
        self._deaf_until = time.monotonic() + _DEAF_S

    def _make(self, name: str, body: dict[str, Any]) -> None:
        self._api.call("POST", "/containers/create", {"name": name}, body)
        self._api.call("POST", f"/containers/{name}/start")

    def _open_door(self) -> None:
        """Listen where the porch asks for this server, and carry that there."""
        folder = f"{self._folder}/porch"
        # By a short way: a socket's address holds a hundred bytes, a data folder's path may be longer.
        here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        server = relay.listen(f"unix:/proc/self/fd/{here}/{relay.DOOR}")
        os.close(here)
        to = f"tcp:{self._order['endpoint']}"
        threading.Thread(target=relay.carry, args=(server, to), daemon=True).start()

    def _await_porch(self) -> None:
        until = time.monotonic() + _PORCH_S
        while not os.path.exists(f"{self._folder}/porch/{relay.READY}"):
            state = self._api.call("GET", f"/containers/{self._order['porch']}/json")["State"]
            if state["Status"] not in ("created", "running") or time.monotonic() > until:
                with contextlib.suppress(FileNotFoundError):
                    reason = Path(self._folder, "porch", f"{relay.READY}-not").read_text()
                    raise Refused(500, f"its network's container cannot do its work: {reason}")
                raise Refused(500, f"its network's container is {state['Status']}, exit code {state['ExitCode']}")
            time.sleep(0.02)

    def _wait(self) -> None:
        """In a thread: say when the container has ended, or is gone."""
        while True:
            try:
                self._api.call("POST", f"{self._path}/wait", timeout=None)
                break
            except Refused as refused:
                if refused.status == 404:
                    break
            except OSError:
                pass  # the engine is being started anew; containers may go on without it
            time.sleep(_AGAIN_S)
        os.write(self._end, b"!")

    def _see_to_the_end(self) -> None:
        """Move its output and heed stops until it has ended."""
        poll = select.poll()
        for fd in (self._output, CONTROL, self._ended):
            poll.register(fd, select.POLLIN)
        if self._memory is not None:
            self._memory.register(poll)
        while True:
            ready = dict(poll.poll(self._patience()))
            if self._memory is not None:
                self._memory.heed(ready)
            if self._output in ready:
                self._move_output()
            if CONTROL in ready:
                self._read_control()
            if self._ended in ready:
                return
            if self._sent != _KILL and self._disk is not None and self._disk.is_full(self._pid):
                self._deadline = time.monotonic()
            self._press()

    def _patience(self) -> float | None:
        """Milliseconds until something is to be done; None for as long as nothing happens."""
        if self._memory is not None and self._memory.told and not self._memory.killed:
            return 5
        if self._deadline is not None and self._sent is None and time.monotonic() < self._deaf_until:
            return 5
        until = [self._disk.next_look] if self._disk is not None and self._disk.next_look is not None else []
        if self._deadline is not None:
            until.append(max(self._deadline, self._pressed + _AGAIN_S))
        return max(0.0, min(until) - time.monotonic()) * 1000 + 1 if until else None

    def _move_output(self) -> bool:
        """Read once. False when there is nothing."""
        try:
            data = os.read(self._output, READ)
        except BlockingIOError:
            return False
        self._log.feed(data)
        return bool(data)

    def _drain(self) -> None:
        """What is still in the pipe: the container is gone, so nobody adds to it."""
        while self._move_output():
            pass

    def _read_control(self) -> None:
        for grace in graces():
            deadline = time.monotonic() + grace
            self._deadline = deadline if self._deadline is None else min(self._deadline, deadline)

    def _press(self) -> None:
        """Signal as far as the stop has come; a kill is repeated until it is heeded."""
        if self._deadline is None:
            return
        now = time.monotonic()
        wanted = _KILL if now >= self._deadline else _TERM
        if wanted == self._sent and (wanted == _TERM or now < self._pressed + _AGAIN_S):
            return
        if wanted == _TERM and now < self._deaf_until and not _hears_sigterm(self._pid):
            return
        self._sent, self._pressed = wanted, now
        try:
            self._api.call("POST", f"{self._path}/kill", {"signal": wanted})
        except Refused:
            pass  # it has just ended
        except OSError as problem:
            complain(f"the engine does not answer: {problem}")
            self._sent = None

    def _look_after(self) -> None:
        """Watch over what it takes. A container that has ended, or is not told of, takes nothing."""
        try:
            found = self._api.found(f"{self._path}/json") or {}
        except (Refused, OSError):
            found = {}
        self._pid = int(found.get("State", {}).get("Pid") or 0)
        self._memory = OutOfMemory(self._pid)
        # What it writes beside its folders. Only root sees it, and only of engines that lay layers over each other.
        layer = ((found.get("GraphDriver") or {}).get("Data") or {}).get("UpperDir")
        folders = [*self._order["disk_folders"], *([layer] if layer else [])]
        if self._pid:
            self._disk = Disk([os.fsencode(folder) for folder in folders], self._order["disk_limit"])

    def _state(self) -> dict[str, Any] | None:
        """How it ended; None when it was removed."""
        while True:
            try:
                found = self._api.found(f"{self._path}/json")
            except (Refused, OSError) as problem:
                complain(f"the engine does not tell how it ended: {problem}")
                time.sleep(_AGAIN_S)
                continue
            if found is None:
                return None
            state: dict[str, Any] = found["State"]
            if state["Status"] not in ("running", "stopping", "removing"):
                return state
            time.sleep(0.02)

    def _write_result(self, code: int, *, oom: bool) -> None:
        told = {
            "exit_code": code,
            "out_of_memory": oom and code != 0,
            "out_of_disk": bool(code and self._disk is not None and self._disk.full),
            "started": self._started,
            "ended": time.time(),
        }
        while True:
            try:
                write_durably(self._folder, "result", json.dumps(told).encode())
            except FileNotFoundError:
                return  # destroyed under us
            except OSError as problem:
                complain(f"the result cannot be written yet: {problem}")
                time.sleep(1)
            else:
                return


def _hears_sigterm(pid: int) -> bool:
    """Whether a container's first process handles or holds back SIGTERM: else the kernel drops it. What runc was until
    a moment ago does, for nobody's good. Also true where it cannot be told."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
    if status.startswith("Name:\trunc"):
        return False
    masks = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("SigBlk:", "SigCgt:"))]
    return any(mask >> (signal.SIGTERM - 1) & 1 for mask in masks)


def _claimed(folder: str) -> float:
    return float(Path(folder, "claimed").read_text())


def main() -> None:
    """As the supervisor's: take the lock over, read the order, claim the task once and for all."""
    folder = sys.argv[1]
    with contextlib.suppress(PermissionError):  # whoever started it has seen to that
        os.setsid()
    for fd in (LOCK, CONTROL):
        os.set_inheritable(fd, False)
    signal.signal(signal.SIGTERM, on_sigterm)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    fcntl.flock(LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held already; proves that the descriptor is the lock's
    with open(0, "rb", closefd=False) as file:
        order: Order = marshal.loads(file.read())  # noqa: S302  # from our own parent
    os.dup2(os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC), 0)  # the secrets go with their last descriptor
    if order["bodies"] is None or claim(folder):
        Attendant(folder, order).run()


if __name__ == "__main__":
    main()
    os._exit(0)
