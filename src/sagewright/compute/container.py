"""The container engine: a task is a container of Docker's or Podman's, looked after by an attendant of its own.

A task's folder is the process engine's (see `task_folder.py`), with the attendant in the supervisor's place, and

    output          FIFO: what the container says
    porch/          of a container that has a network for the task: how it reaches this server
    result          as told by the engine

Containers, networks and what else is made bear the label `sagewright` with the data folder, so that they are told from
others' and found again: a container whose attendant was killed gets another one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import ipaddress
import json
import logging
import marshal
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Literal

from sagewright.base import toolkit
from sagewright.base.clock import Clock
from sagewright.base.errors import Terminal, Transient
from sagewright.base.settings import Settings
from sagewright.compute import links, process, spawning, task_folder
from sagewright.compute.base import Image, Login, Task, TaskState, Usage
from sagewright.compute.cgroups import Cgroups
from sagewright.compute.containers import base_image, confinement, images, networks, spec
from sagewright.compute.containers.api import Api, Refused
from sagewright.compute.containers.spec import Kind, Place
from sagewright.compute.process import ProcessEngine

_LOG = logging.getLogger(__name__)
_ATTENDANT: Final = "sagewright.compute.containers.attendant"
_AT_ONCE: Final = 8
"""Tasks whose use is asked for at the same time: an engine takes its time to tell."""


class ContainerEngine(ProcessEngine):
    """Runs tasks as containers; see the module's text for what it keeps where."""

    name = "container"

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        socket: str,
        *,
        endpoint: tuple[str, int] = ("127.0.0.1", 4700),
        toolkit: Path | None = None,
    ) -> None:
        """`socket` is the path of the engine's API, `endpoint` where tasks ask for this server.

        Raises Terminal when no engine answers there.
        """
        super().__init__(folder, clock, "off", toolkit=toolkit)
        self._cgroups = Cgroups()  # the engine's are used
        self._api = Api(socket)
        self._endpoint = f"{endpoint[0]}:{endpoint[1]}"
        self._mark = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:8]
        try:
            about = self._api.call("GET", "/version")
        except (OSError, Refused) as problem:
            raise Terminal(
                f"No container engine answers at {socket} ({problem}). Start Docker, or `podman system service`, or "
                "say where it listens: --container-socket unix:///PATH."
            ) from None
        podman = any("podman" in each["Name"].lower() for each in about.get("Components") or ())
        filter_file = self._folder / ".seccomp.json"
        filtered = podman and confinement.write_profile(filter_file)
        self._kind = Kind(podman, self._is_rootless(), filter_file if filtered else None)

    def _is_rootless(self) -> bool:
        """Whether an ordinary user runs the engine: then a container's root is that user. Root's own never is."""
        return os.getuid() != 0 and "name=rootless" in (self._api.call("GET", "/info").get("SecurityOptions") or ())

    # -- what it can do

    @property
    def servers(self) -> Literal["one", "machine", "all"]:
        return "one"

    def cannot(self) -> Sequence[str]:
        sentences = []
        if os.getuid() != 0:
            sentences.append("What users' images write outside /opt/ml is not counted: only root sees it.")
        if self._kind.podman and self._kind.filter_file is None:
            sentences.append(
                f"Podman's own filter of system calls is used, which lets user namespaces and keyrings through: there "
                f"is none at {' or '.join(map(str, confinement.DEFAULTS))} to make a closer one of."
            )
        if self._kind.podman:
            sentences.append(
                "Podman ignores requests for GPUs: tasks that ask for some are given all of this machine's, and users' "
                "images bring the driver's libraries themselves."
            )
        if os.getuid() != 0 and not self._kind.rootless:
            sentences.append(
                "The engine runs as root and this server does not: what users' images write as root to /opt/ml can "
                "be read, but stays on disk when their tasks are gone. Rootless Podman has no such trouble."
            )
        return sentences

    @property
    def read_only_mounts(self) -> bool:
        return True

    @property
    def runs_images(self) -> bool:
        return True

    @property
    def private_networks(self) -> bool:
        return True

    def image(self, address: str) -> Image | None:
        return images.held(self._api, address)

    def pull(self, address: str, login: Login | None) -> Image:
        return images.pull(self._api, address, login, podman=self._kind.podman)

    # -- the engine's port, where it is not the process engine's

    def inspect(self, task_id: str) -> TaskState:
        state = super().inspect(task_id)
        if state.phase == "lost" and self._follow_again(task_id):
            return super().inspect(task_id)
        return state

    def usage(self, task_ids: Collection[str]) -> Mapping[str, Usage]:
        running = [task_id for task_id in task_ids if super(ContainerEngine, self).inspect(task_id).phase == "running"]
        if not running:
            return {}
        with ThreadPoolExecutor(min(_AT_ONCE, len(running))) as pool:
            found = pool.map(self._usage, running)
        return {task_id: used for task_id, used in zip(running, found, strict=True) if used is not None}

    def _usage(self, task_id: str) -> Usage | None:
        try:
            told = self._api.call("GET", f"/containers/{self._name(task_id)}/stats", {"stream": "0", "one-shot": "1"})
            memory, cpu = told["memory_stats"], told["cpu_stats"]["cpu_usage"]["total_usage"]
        except (Refused, OSError, KeyError, TypeError):  # it is yet to be made, or has just ended
            return Usage(0.0, 0) if super().inspect(task_id).phase == "running" else None
        inside = memory.get("stats") or {}
        cache = inside.get("total_inactive_file", inside.get("inactive_file", 0))
        return Usage(cpu / 1e9, max(0, int(memory.get("usage", 0)) - int(cache)))

    # -- starting

    def _check(self, task: Task) -> None:
        process.check(task)
        if task.image is not None and images.held(self._api, task.image) is None:
            raise Terminal(f"The container engine does not hold the image {task.image} (any more).")

    def _spawn(self, task: Task, run: Path, lock: int) -> int:
        try:
            bodies, about = self._plan(task, run)
        except Refused as refused:
            raise Terminal(f"The container engine refuses the task: {refused}.") from refused
        if task.socket and task.folder:
            links.make(task.folder, run)
        output = run / "output"
        with contextlib.suppress(FileExistsError):
            os.mkfifo(output)
        output.chmod(0o666)  # whoever the image's user is; nobody else comes through the folders above
        (run / "about").write_text(json.dumps(about))
        return self._attend(run, lock, about, bodies)

    def _plan(self, task: Task, run: Path) -> tuple[dict[str, Any], dict[str, Any]]:
        """The bodies of the task's containers by their names, and what is to be known of them later."""
        name, base = self._name(task.id), base_image.ensure(self._api)
        place, network = self._place(task)
        asks = task.network != "none" and place.mode != "host"
        serves = task.image is not None and task.socket is not None
        porch = f"{name}-porch" if asks or serves else ""
        bodies = {}
        if porch:
            bodies[porch] = spec.of_porch(task, base, run, self._endpoint, place, self._kind)
            place = Place(f"container:{porch}", names=place.names)
        bodies[name] = spec.of_task(task, task.image or base, run, self._toolkit, place, self._kind)
        for body in bodies.values():
            body["Labels"] = spec.labels(self._folder, task.id)
        about: dict[str, Any] = {
            "folder": str(task.folder),
            "socket": task.socket,
            "sandboxed": True,
            "cgroups": [],
            "name": name,
            "porch": porch,
            "network": network,
            "disk_limit": task.resources.disk_bytes or 0,
            # With the log, which a task could fill the disk with as well.
            "disk_folders": [str(each) for each in (task.folder, run) if each],
        }
        return bodies, about

    def _place(self, task: Task) -> tuple[Place, str]:
        """Where the task is among networks, and the private network that it needs, which is made: '' for none.

        Tasks without an image share this machine's network, unless they have neighbours, as on the process engine.
        Users' images listen on a port that others use too, and have a network of their own.
        """
        neighbours = bool(task.group) and len(task.hosts) > 1
        if not neighbours and (task.image is None or task.network != "host"):
            return Place("host" if task.network == "host" else "none"), ""
        network = self._name(task.group if neighbours else task.id)
        labels = spec.labels(self._folder, task.id)
        subnet = networks.ensure(self._api, network, labels, internal=task.network != "host")
        if not neighbours:
            return Place(network, names=task.hosts), network
        names = networks.addresses(ipaddress.IPv4Network(subnet), task.hosts)
        return Place(network, names.get(task.hostname, ""), names), network

    def _attend(self, run: Path, lock: int, about: Mapping[str, Any], bodies: Mapping[str, Any] | None) -> int:
        """Start the attendant; its pid. It inherits the lock, so there is no moment at which nobody holds it."""
        order = {
            "api": self._api.path,
            "name": about["name"],
            "porch": about["porch"],
            "endpoint": self._endpoint,
            "disk_limit": about["disk_limit"],
            "disk_folders": about["disk_folders"],
            "podman": self._kind.podman,
            "bodies": bodies,
        }
        with contextlib.ExitStack() as stack:
            control = task_folder.make_control(run)
            stack.callback(os.close, control)
            told = spawning.hidden_file(marshal.dumps(order), run)
            stack.callback(os.close, told)
            high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (told, lock, control)]
            for fd in high:
                stack.callback(os.close, fd)
            return spawning.spawn(
                [sys.executable, "-I", "-m", _ATTENDANT, str(run)],
                [(fd, target) for fd, target in zip(high, (0, 3, 4), strict=True)],
                run / "supervisor.log",
            )

    def _follow_again(self, task_id: str) -> bool:
        """Whether there still is a container whose attendant was killed. It has another one then."""
        run = self._run(task_id)
        about = task_folder.about(run)
        try:
            if "name" not in about or self._api.found(f"/containers/{about['name']}/json") is None:
                return False
        except (OSError, Refused) as problem:
            raise Transient(f"The container engine does not answer: {problem}.") from problem
        lock = task_folder.take(run)
        if lock is None:
            return True  # somebody else was quicker
        _LOG.warning("Task %s had lost its attendant; its container has another one.", task_id)
        try:
            pid = self._attend(run, lock, about, None)
        finally:
            os.close(lock)
        self._watcher.adopt(task_id, pid)
        return True

    # -- forgetting

    def _name(self, task_id: str) -> str:
        """What a task's container is called, or a job's network."""
        return f"sagewright-{self._mark}-{task_id}"

    def _remove(self, run: Path) -> None:
        """What the engine made for it, and then what we did: a crash in between leaves a task to be removed."""
        name = self._name(run.parent.name)
        network = task_folder.about(run).get("network") or name
        try:
            for each in (name, f"{name}-porch"):
                self._api.remove(f"/containers/{each}")
            networks.remove(self._api, network)
        except (OSError, Refused) as problem:
            raise Transient(f"The container engine did not remove {name}: {problem}.") from problem
        super()._remove(run)


def make(settings: Settings, clock: Clock) -> ContainerEngine:
    """The engine of a server with these settings."""
    package = toolkit.folder()
    return ContainerEngine(
        settings.data / "tasks",
        clock,
        find_socket(settings.container_socket),
        endpoint=(settings.reachable_host, settings.port),
        toolkit=package.parent if package else None,
    )


def find_socket(told: str) -> str:
    """The path in `unix:///PATH`; without one, the first of the usual places where there is something."""
    if told:
        if not told.startswith("unix:///"):
            raise Terminal(f"--container-socket takes the address of a Unix socket, unix:///PATH, not {told!r}.")
        return told.removeprefix("unix://")
    own = os.environ.get("XDG_RUNTIME_DIR", "/nowhere")
    places = ["/var/run/docker.sock", f"{own}/podman/podman.sock", "/run/podman/podman.sock"]
    return next((place for place in places if os.path.exists(place)), places[0])
