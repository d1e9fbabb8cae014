"""The server's side of its driver: which nodes there are, who goes where. Starts the driver anew when it ends."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sagewright.base.errors import Terminal, Transient

_LOG = logging.getLogger(__name__)
_ANSWER: Final = 60.0
"""Seconds that the driver may take to answer."""
_FRESH: Final = 1.0
"""Seconds for which what is known of the nodes is good."""
_PAUSE: Final = 2.0
"""Seconds between two tries to start a driver."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a warden listens."""

    host: str
    port: int
    token: str


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A node, as Ray knows it."""

    id: str
    host: str
    port: int
    """Where Ray itself listens there."""
    alive: bool
    resources: Mapping[str, float]
    warden: Address | None
    """None: it is not up, or not known yet."""
    version: str = ""
    trouble: str = ""
    """Why it has no warden."""


class Cluster:
    """Any thread. Methods raise Transient where Ray does not answer now."""

    def __init__(self, folder: Path, server: str, address: str) -> None:
        """`folder` is for the driver's log; `server` names whose agents and reservations these are."""
        self._folder, self._server, self._address = folder, server, address
        self._guard = threading.Lock()
        self._asking = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._answers: dict[int, Future[dict[str, Any]]] = {}
        self._number = 0
        self._started_at = -_PAUSE
        self._failure = ""
        self._known: tuple[float, Mapping[str, NodeInfo]] = (float("-inf"), {})
        self._closed = False

    def connect(self) -> None:
        """Raises Terminal, in words for who starts the server, where there is no cluster to work with."""
        if importlib.util.find_spec("ray") is None:
            raise Terminal("The engine ray needs Ray: pip install 'sagewright[ray]', here and on each node.")
        try:
            until = time.monotonic() + _ANSWER
            while any(_is_awaited(node) for node in self.nodes(fresh=True).values()) and time.monotonic() < until:
                time.sleep(0.1)
            nodes = self.nodes().values()
        except Transient as problem:
            raise Terminal(
                f"There is no Ray cluster at {self._address!r} that this machine is part of: {problem} Start one with "
                "`ray start --head`, or join one with `ray start --address=HEAD:6379 --num-cpus=0` where this machine "
                "is to run no tasks, then give --ray-address."
            ) from None
        if not any(node.warden for node in nodes):
            troubles = "; ".join(sorted({node.trouble for node in nodes if node.alive and node.trouble}))
            raise Terminal(
                f"The Ray cluster at {self._address!r} has no node that can run tasks. "
                + (f"Its nodes say: {troubles}." if troubles else "Add one: ray start --address=HEAD:6379.")
            )

    def nodes(self, *, fresh: bool = False, again: Sequence[str] = ()) -> Mapping[str, NodeInfo]:
        """All nodes by their ids. `again`: those whose wardens did not answer where they are known to be."""
        when, known = self._known
        is_good = time.monotonic() - when < _FRESH and not fresh and not again
        # Whoever else is asking will know soon; if Ray hangs, what was known last is the best there is.
        if is_good or not self._asking.acquire(blocking=not known):
            return known
        try:
            found = self._ask("nodes", again=list(again))["nodes"]
            known = {each["id"]: _node(each) for each in found}
            self._known = time.monotonic(), known
            return known
        finally:
            self._asking.release()

    def place(
        self, group: str, bundles: Sequence[Mapping[str, float]], strategy: str, *, node: str | None, seconds: float
    ) -> Sequence[str] | None:
        """Reserve: the nodes of the bundles, or None where there is no room within the time."""
        answer = self._ask("place", group=group, bundles=list(bundles), strategy=strategy, node=node, seconds=seconds)
        nodes: Sequence[str] | None = answer["nodes"]
        return nodes

    def release(self, group: str) -> None:
        self._ask("release", group=group)

    def close(self) -> None:
        with self._guard:
            self._closed = True
            process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _ask(self, operation: str, **members: Any) -> dict[str, Any]:
        with self._guard:
            process = self._running()
            self._number += 1
            number = self._number
            answer: Future[dict[str, Any]] = Future()
            self._answers[number] = answer
            try:
                assert process.stdin is not None
                process.stdin.write(json.dumps({"id": number, "op": operation, **members}) + "\n")
                process.stdin.flush()
            except OSError as problem:
                self._answers.pop(number, None)
                raise Transient(f"The driver of Ray has ended: {problem}") from problem
        try:
            found = answer.result(timeout=_ANSWER)
        except FutureTimeout:
            raise Transient("Ray does not answer.") from None
        finally:
            self._answers.pop(number, None)
        if "failed" in found:
            raise Transient(f"{found['failed'].rstrip('.')}.")
        return found

    def _running(self) -> subprocess.Popen[str]:
        """The driver, started if there is none."""
        if self._process is not None and self._process.poll() is None:
            return self._process
        if self._closed:
            raise Transient("The engine is closed.")
        if time.monotonic() - self._started_at < _PAUSE:
            raise Transient(self._failure or "Ray's driver is about to be started anew.")
        self._started_at = time.monotonic()
        self._process = self._start()
        return self._process

    def _start(self) -> subprocess.Popen[str]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        reading, writing = os.pipe()
        program = "sagewright.compute.ray_cluster.driver"
        with (self._folder / "driver.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", program, self._server, self._address, str(writing)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[writing],
                start_new_session=True,  # Ctrl-C is the server's to handle
                text=True,
            )
        os.close(writing)
        threading.Thread(target=self._listen, args=(process, reading), name="ray-driver", daemon=True).start()
        return process

    def _listen(self, process: subprocess.Popen[str], descriptor: int) -> None:
        """Hand out the driver's answers; when it has ended, all who wait are told."""
        with os.fdopen(descriptor) as lines:
            for line in lines:
                answer = json.loads(line)
                if answer["id"] == 0:
                    self._failure = answer.get("failed", "")
                elif (waiting := self._answers.get(answer["id"])) is not None:
                    waiting.set_result(answer)
        process.wait()
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        with self._guard:
            if self._process is not process and not self._closed:
                return
            left, self._answers = self._answers, {}
        for waiting in left.values():
            if not waiting.done():
                waiting.set_result(
                    {"failed": self._failure or f"its driver has ended; {self._folder / 'driver.log'} says more"}
                )


def _is_awaited(node: NodeInfo) -> bool:
    return node.alive and node.warden is None and not node.trouble


def _node(found: Mapping[str, Any]) -> NodeInfo:
    warden, version = found["warden"], ""
    address = None
    if warden is not None:
        address, version = Address(found["host"], warden["port"], warden["token"]), warden["version"]
    return NodeInfo(
        found["id"],
        found["host"],
        found["port"],
        found["alive"],
        found["resources"],
        address,
        version,
        found["trouble"],
    )
