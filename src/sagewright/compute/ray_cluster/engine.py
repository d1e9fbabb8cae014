"""Tasks on the nodes of a Ray cluster. Ray says which nodes there are and finds room; on each node a warden runs what
it is given by the process engine. See ADR 0034.

A task has one node for good: it is written down (`homes.py`) before anything is sent there. What works on this
machine's files runs here, by a process engine of our own.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from sagewright.base.clock import Clock
from sagewright.base.errors import SagewrightError, Terminal, Transient
from sagewright.base.settings import Settings
from sagewright.compute import logfile, process, task_folder
from sagewright.compute.base import Engine, LogLine, Task, TaskState, Usage
from sagewright.compute.machine import Machine
from sagewright.compute.ray_cluster import places, tasks
from sagewright.compute.ray_cluster.cluster import Cluster
from sagewright.compute.ray_cluster.followers import Followers
from sagewright.compute.ray_cluster.homes import Groups, Home
from sagewright.compute.ray_cluster.links import Links
from sagewright.compute.ray_cluster.rooms import Rooms
from sagewright.compute.ray_cluster.sending import bring, recipe
from sagewright.compute.ray_cluster.sockets import Sockets
from sagewright.compute.venvs import Environments

_LOG = logging.getLogger(__name__)


class RayEngine(Engine):
    """Any thread. What is on which node is on this machine's disk; see `homes.py`."""

    name = "ray"

    def __init__(
        self,
        folder: Path,
        cluster: Cluster,
        here: process.ProcessEngine,
        environments: Environments,
        *,
        endpoint: tuple[str, int] = ("", 0),
        overcommit: float = 1.0,
    ) -> None:
        """`folder` is DATA; `here` runs what must run on this machine, in DATA/tasks; `endpoint` is the address and
        port of the platform, for tasks that reach nothing else; `overcommit` is how many times the nodes' processors
        and memory may be given."""
        self._endpoint = endpoint
        self._tasks = (folder / "tasks").absolute()
        self._tasks.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._cluster, self._here, self._environments = cluster, here, environments
        self._rooms = Rooms(cluster, Groups(folder / "ray" / "groups"), self._homes, overcommit=overcommit)
        self._links = Links(cluster)
        self._sockets = Sockets(folder / "ray")
        self._followers = Followers(self._links, self._home)
        self._said: Mapping[str, Any] | None = None
        for task_id in self._remote():
            self._followers.follow(task_id)
        self._sockets.tend(self._tend)

    def _tend(self) -> None:
        """Requests come by the sockets in the endpoints' records, whichever server wrote them there."""
        for task_id, known in self._homes().items():
            if known["socket"] is not None and self._home(task_id).result() is None:
                self.address(task_id)

    # What it can do.

    def cannot(self) -> Sequence[str]:
        nodes = self._hello()
        sentences = list(dict.fromkeys(sentence for each in nodes.values() for sentence in each["cannot"]))
        return [
            *(f"On nodes: {sentence}" for sentence in sentences),
            "Multi-model endpoints, MLflow's servers and batch transform by pipelines run on the server's own machine.",
            "Channels cannot show file systems, and serverless endpoints keep nobody standing by.",
            "A task that has GPUs sees all of its node's.",
        ]

    @property
    def shares_disk(self) -> bool:
        return False

    @property
    def servers(self) -> Literal["one", "machine", "all"]:
        return "machine"  # where the sockets are that lead to nodes, and what runs beside the server

    @property
    def read_only_mounts(self) -> bool:
        return all(each["sealed"] for each in self._hello().values()) and self._here.read_only_mounts

    def _hello(self) -> Mapping[str, Mapping[str, Any]]:
        """What the nodes say of themselves, by their ids; asked once."""
        if not self._said:
            found = {}
            for node in self._cluster.nodes().values():
                with contextlib.suppress(OSError, SagewrightError):
                    if node.alive and node.warden is not None:
                        found[node.id] = self._links.tell(node.id, "hello")
            self._said = found
        return self._said

    def machines(self) -> Sequence[Machine]:
        found = [
            _machine(node.resources)
            for node in self._cluster.nodes().values()
            if node.alive and node.warden is not None
        ]
        return found or self._here.machines()

    # The engine's port.

    def start(self, task: Task) -> None:
        process.check(task)
        if task.image is not None:
            raise Terminal("Tasks run in images as themselves with --engine container.")
        if task.here:
            self._here.start(task)
            return
        home = self._home(task.id)
        with home.alone(make=True) as there:
            if not there:
                raise Transient(f"The task {task.id} is being destroyed.")
            if home.was_started() or home.result() is not None:
                return
            known = home.known()
            node = known["node"] if known else self._rooms.enter(task, home)
            try:
                self._send(task, node)
            except SagewrightError:
                self._give_up(task.id, home)
                raise
            except OSError as problem:
                if self._links.fate(node) == "gone":
                    home.end(TaskState("lost"))
                    return
                raise Transient(f"The task {task.id} could not be brought to its node: {problem}.") from problem
            home.note_start()
        self._followers.follow(task.id)

    def inspect(self, task_id: str) -> TaskState:
        home = self._home(task_id)
        known = home.known()
        if known is None:
            return self._here.inspect(task_id)
        result = home.result()
        if result is not None:
            return result
        try:
            found = tasks.state(self._links.tell(known["node"], "inspect", id=task_id)["state"])
        except OSError:
            if self._links.fate(known["node"]) == "gone":
                self._followers.lose(task_id)
            return home.result() or TaskState("running" if home.was_started() else "unknown")
        if found.phase == "unknown":
            if not home.was_started():
                return found
            self._followers.lose(task_id)
        elif found.phase != "running":
            self._followers.look(task_id)  # it has ended for others once all that it left is here
        return home.result() or TaskState("running", started=found.started)

    def stop(self, task_id: str, *, grace: float) -> None:
        home = self._home(task_id)
        known = home.known()
        if known is None:
            self._here.stop(task_id, grace=grace)
        elif home.result() is None:
            try:
                self._links.tell(known["node"], "stop", id=task_id, grace=grace)
            except OSError:
                if self._links.fate(known["node"]) == "gone":
                    self._followers.lose(task_id)
                else:
                    self._followers.stop(task_id, grace)

    def watch(self, task_id: str, wake: Callable[[], None]) -> None:
        if self._home(task_id).known() is None:
            self._here.watch(task_id, wake)
        else:
            self._followers.watch(task_id, wake)

    def logs(self, task_id: str, *, offset: int, limit: int = 10_000) -> Sequence[LogLine]:
        home = self._home(task_id)
        if home.known() is None:
            return self._here.logs(task_id, offset=offset, limit=limit)
        lines = logfile.read(home.log, offset, limit)
        if not lines and home.result() is None:
            with contextlib.suppress(OSError, SagewrightError):
                self._followers.fetch_log(task_id)
            lines = logfile.read(home.log, offset, limit)
        return lines

    def address(self, task_id: str) -> Path | None:
        known = self._home(task_id).known()
        if known is None:
            return self._here.address(task_id)
        if known["socket"] is None:
            return None
        return self._sockets.path(self._home(task_id).folder, task_id, self._links.address(known["node"]))

    def usage(self, task_ids: Collection[str]) -> Mapping[str, Usage]:
        found = dict(self._here.usage(task_ids))
        nodes: dict[str, list[str]] = {}
        for task_id in task_ids:
            home = self._home(task_id)
            known = home.known()
            if known is not None and home.result() is None:
                nodes.setdefault(known["node"], []).append(task_id)
        for node, ids in nodes.items():
            with contextlib.suppress(OSError, SagewrightError):
                used = self._links.tell(node, "usage", ids=ids)["usage"]
                found |= {task_id: Usage(**each) for task_id, each in used.items()}
        return found

    def list(self) -> Sequence[str]:
        return sorted({*self._here.list(), *self._remote()})

    def destroy(self, task_id: str) -> None:
        home = self._home(task_id)
        known = home.known()
        if known is None:
            self._here.destroy(task_id)
            home.remove()
            return
        with home.alone() as there:
            if there:
                self._destroy_on(known["node"], task_id)
                self._sockets.remove(home.folder)
                home.remove()
        self._rooms.leave(task_id, known["group"])
        self._followers.wake(task_id)

    def close(self) -> None:
        self._followers.close()
        self._links.close()
        self._sockets.close()
        self._cluster.close()
        self._here.close()

    # Places.

    def _home(self, task_id: str) -> Home:
        """For what cannot be an id, a place where nothing ever is."""
        return Home(self._tasks / (task_id if task_folder.ID.fullmatch(task_id) else ".none") / "remote")

    def _remote(self) -> Sequence[str]:
        return [entry.parent.parent.name for entry in self._tasks.glob("*/remote/home")]

    def _homes(self) -> Mapping[str, Mapping[str, Any]]:
        """What is known of all tasks that are on nodes."""
        found = {task_id: self._home(task_id).known() for task_id in self._remote()}
        return {task_id: known for task_id, known in found.items() if known is not None}

    def _give_up(self, task_id: str, home: Home) -> None:
        """The node has refused it, and says that nothing runs: it may be started elsewhere."""
        known = home.known()
        home.remove()
        if known is not None:
            self._rooms.leave(task_id, known["group"])

    def _destroy_on(self, node: str, task_id: str) -> None:
        try:
            self._links.tell(node, "destroy", id=task_id)
        except OSError as problem:
            if self._links.fate(node) != "gone":
                raise Transient(f"The node of task {task_id} does not answer: {problem}.") from problem

    # Bringing a task to its node.

    def _send(self, task: Task, node: str) -> None:
        nodes = self._rooms.nodes(task) or [node]
        hosts = places.addresses(self._cluster, task, nodes)
        limited = places.limited(task, self._cluster.nodes().get(node))
        python = recipe(self._environments, task.python, task.mounts)
        bring(self._links, node, limited, hosts, python, self._endpoint)


def _machine(resources: Mapping[str, float]) -> Machine:
    return Machine(resources.get("CPU", 1.0), int(resources.get("memory", 0)), int(resources.get("GPU", 0)))


def make(settings: Settings, clock: Clock) -> RayEngine:
    """The engine of a server with these settings. Raises Terminal where there is no cluster."""
    folder = settings.data / "ray"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = folder / "name"
    if not name.exists():
        name.write_text(secrets.token_hex(8))
    cluster = Cluster(folder, name.read_text(), settings.ray_address)
    cluster.connect()
    here = process.make(settings, clock)
    environments = Environments(settings.runtimes_folder)
    overcommit = 1.0 if settings.capacity == "strict" else settings.overcommit  # as jobs are admitted
    host, port = settings.endpoint  # by its address: a task that reaches nothing else finds no names
    return RayEngine(
        settings.data, cluster, here, environments, endpoint=(socket.gethostbyname(host), port), overcommit=overcommit
    )
