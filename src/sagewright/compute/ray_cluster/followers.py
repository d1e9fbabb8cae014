"""Threads that follow what becomes of a server's tasks, one for each node that has some.

They fetch what tasks leave: now and then while these run, and wholly before they count as ended. A node that is gone
takes its tasks with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from sagewright.base.errors import SagewrightError
from sagewright.compute.base import TaskState
from sagewright.compute.ray_cluster import cargo, tasks
from sagewright.compute.ray_cluster.homes import Home
from sagewright.compute.ray_cluster.links import Links
from sagewright.compute.ray_cluster.wire import Wire

_LOG = logging.getLogger(__name__)
_EVERY: Final = 2.0
"""Seconds between two looks at what a running task has written."""
_FOLLOWED: Final = 0.2
"""Seconds that a node waits for the end of a task before it answers: so long the next task waits for its turn."""
_SILENT: Final = 0.5
"""Seconds between two tries to reach a node that does not answer."""


class Followers:
    """Any thread."""

    def __init__(self, links: Links, home: Callable[[str], Home]) -> None:
        self._links, self._home = links, home
        self._guard = threading.Lock()
        self._nodes: dict[str, set[str]] = {}
        """The tasks that are followed on each node. A node that is in it has a thread."""
        self._news: dict[str, threading.Event] = {}
        self._wakes: dict[str, list[Callable[[], None]]] = {}
        self._taken: dict[str, int] = {}
        """The number of what was fetched last of each task."""
        self._stops: dict[str, float] = {}
        """What is still to be asked to end, and with which grace (seconds)."""
        self._looking: set[str] = set()
        self._closed = threading.Event()
        self._pool = ThreadPoolExecutor(8, "fetch")

    def follow(self, task_id: str) -> None:
        """See to it that its end is noticed. Costs nothing where that is so already."""
        home = self._home(task_id)
        known = home.known()
        if known is None or home.result() is not None:
            return
        node = known["node"]
        with self._guard:
            if self._closed.is_set():
                return
            new = node not in self._nodes
            followed = self._nodes.setdefault(node, set())
            if task_id in followed and not new:
                return
            followed.add(task_id)
            self._news.setdefault(node, threading.Event()).set()
            if new:
                threading.Thread(target=self._follow, args=(node,), name="node-follower", daemon=True).start()

    def watch(self, task_id: str, wake: Callable[[], None]) -> None:
        """Call `wake` once, when the task has ended."""
        with self._guard:
            self._wakes.setdefault(task_id, []).append(wake)
        self.follow(task_id)
        home = self._home(task_id)
        if home.result() is not None or home.known() is None:
            self._pool.submit(self.wake, task_id)

    def wake(self, task_id: str) -> None:
        """Wake whoever watches it."""
        with self._guard:
            wakes = self._wakes.pop(task_id, ())
        for wake in wakes:
            try:
                wake()
            except Exception:  # noqa: BLE001  # a listener's failure must not stop the others
                _LOG.exception("A listener to the end of task %s failed.", task_id)

    def look(self, task_id: str) -> None:
        """It has ended on its node: fetch what it left, soon."""
        with self._guard:
            if task_id in self._looking or self._closed.is_set():
                return
            self._looking.add(task_id)
            self._pool.submit(self._end, task_id)

    def stop(self, task_id: str, grace: float) -> None:
        """Ask it to end as soon as its node answers again."""
        with self._guard:
            self._stops[task_id] = min(grace, self._stops.get(task_id, grace))
        self.follow(task_id)

    def lose(self, task_id: str) -> None:
        """Its node has gone, and it with it."""
        home = self._home(task_id)
        with home.alone() as there:
            if there and home.result() is None:
                _LOG.warning("The task %s is lost with its node.", task_id)
                home.end(TaskState("lost"))
        self._forget(task_id)

    def fetch_log(self, task_id: str) -> None:
        """Add what the task has said since. Raises OSError where its node does not answer."""
        home = self._home(task_id)
        known = home.known()
        if known is None:
            return
        with (home.folder / "log").open("ab") as file, _locked(file.fileno()):
            while True:
                size = os.fstat(file.fileno()).st_size
                message = {"op": "log", "id": task_id, "offset": size}
                # Written when all of it has come: a connection that is tried again must not add it twice.
                piece = self._links.ask(known["node"], message, lambda wire, _: wire.reader().readall())
                if not piece:
                    return
                file.write(piece)
                file.flush()

    def close(self) -> None:
        self._closed.set()
        with self._guard:
            for news in self._news.values():
                news.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    # One node.

    def _follow(self, node: str) -> None:
        looked = time.monotonic()
        while not self._closed.is_set():
            with self._guard:
                followed = self._nodes.get(node, set())
                if not followed:
                    self._nodes.pop(node, None)
                    return
                ids = sorted(followed - self._looking)
                self._news[node].clear()
            try:
                self._step(node, ids)
                if time.monotonic() - looked >= _EVERY:
                    looked = time.monotonic()
                    for task_id in ids:
                        self._fetch_now_and_then(task_id)
            except OSError as problem:
                if self._links.fate(node) == "gone":
                    for task_id in followed.copy():
                        self.lose(task_id)
                else:
                    _LOG.info("The node %s does not answer: %s", node, problem)
                    self._closed.wait(_SILENT)
            except SagewrightError as problem:
                _LOG.info("The node %s cannot be followed now: %s", node, problem)
                self._closed.wait(_SILENT)

    def _step(self, node: str, ids: list[str]) -> None:
        """Ask for the ends of tasks."""
        if not ids:
            self._news[node].wait(_EVERY)
            return
        for task_id in [each for each in ids if each in self._stops]:
            self._links.tell(node, "stop", id=task_id, grace=self._stops[task_id])
            self._stops.pop(task_id, None)
        states = self._links.tell(node, "follow", ids=ids, seconds=_FOLLOWED)["states"]
        for task_id, found in states.items():
            state = tasks.state(found)
            if self._home(task_id).known() is None:  # destroyed
                self._forget(task_id)
            elif state.phase != "unknown":
                self.look(task_id)
            elif self._home(task_id).was_started():
                self.lose(task_id)

    def _end(self, task_id: str) -> None:
        """What a task left is fetched, and then it has ended."""
        home = self._home(task_id)
        try:
            with home.alone() as there:
                known = home.known()
                if there and known is not None and home.result() is None:
                    state = tasks.state(self._links.tell(known["node"], "inspect", id=task_id)["state"])
                    self.fetch_log(task_id)
                    if known["kept"]:
                        self._fetch(task_id, known, whole=True)
                    home.end(state)
        except (OSError, SagewrightError) as problem:
            _LOG.info("What the task %s left could not be fetched yet: %s", task_id, problem)
            with self._guard:
                self._looking.discard(task_id)
            return
        self._forget(task_id)

    def _forget(self, task_id: str) -> None:
        with self._guard:
            for followed in self._nodes.values():
                followed.discard(task_id)
            for news in self._news.values():
                news.set()
            self._taken.pop(task_id, None)
            self._stops.pop(task_id, None)
            self._looking.discard(task_id)
        self.wake(task_id)

    def _fetch_now_and_then(self, task_id: str) -> None:
        home = self._home(task_id)
        with home.alone() as there:
            known = home.known()
            if there and known is not None and known["kept"] and home.result() is None:
                with contextlib.suppress(SagewrightError):
                    self._fetch(task_id, known, whole=False)
                    self.fetch_log(task_id)

    def _fetch(self, task_id: str, known: Any, *, whole: bool) -> None:
        """Bring this machine's folders up to date with the node's."""
        roots = {name: Path(path) for name, path in known["written"].items()}
        if not roots:
            return

        def take(wire: Wire, answer: dict[str, Any]) -> tuple[int, list[str] | None]:
            stream = wire.reader()
            cargo.unpack(stream, roots)
            stream.drain()
            return answer["number"], wire.receive().get("paths")

        message = {"op": "changes", "id": task_id, "ack": self._taken.get(task_id), "whole": whole}
        self._taken[task_id], paths = self._links.ask(known["node"], message, take)
        if paths is not None:
            _prune(roots, set(paths))


def _prune(roots: dict[str, Path], paths: set[str]) -> None:
    """Remove what is not there any more."""
    for name, root in roots.items():
        gone = [found.path for found in cargo.walk(root) if f"{name}/{found.path}" not in paths]
        for path in reversed(gone):
            if (name == tasks.ML and path.split("/")[0] == "input") or not path:
                continue
            with contextlib.suppress(OSError):
                target = root / path
                shutil.rmtree(target) if target.is_dir() and not target.is_symlink() else target.unlink()


@contextlib.contextmanager
def _locked(descriptor: int) -> Any:
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
