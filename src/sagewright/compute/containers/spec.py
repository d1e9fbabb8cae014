"""What the engine is asked to make for a task: containers as the API takes them. Pure, save for the files of `run`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sagewright.compute import sandbox
from sagewright.compute.base import Task
from sagewright.compute.containers import base_image, confinement, networks, relay
from sagewright.compute.containers.base_image import FOLDER, LABEL, bind

PORT: Final = 8080
"""Where SageMaker's containers serve."""
CAPABILITIES: Final = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID")
"""What root in a user's image may: own and read what is in it, become its less mighty user and end that one's
processes. Images are written for a root that can do so; none of it reaches beyond the container."""
_REDIRECT: Final = f'ulimit -c 0; ulimit -f {{}}; exec 1<>{FOLDER}/log 2>&1; exec "$@"'
"""Standard output and error are one pipe, so that lines keep their order. It is opened both ways: with nobody to read
it a task waits, instead of being killed. Nothing leaves a core file."""
_PRIVATE: Final = {"tmp": "/tmp", "home": sandbox.HOME, "var-tmp": "/var/tmp", "run": "/run"}  # noqa: S108  # inside
_FIRST_FREE_PORT: Final = 1024
_PORCH: Final = {"Memory": 256 << 20, "MemorySwap": 256 << 20, "PidsLimit": 2048}


@dataclass(frozen=True, slots=True)
class Kind:
    """What matters of the engine."""

    podman: bool
    rootless: bool
    filter_file: Path | None = None
    """Of system calls; None for the engine's own."""

    @property
    def user(self) -> str:
        """Who this server's user is inside: without root, a container's root is who runs the engine."""
        return "0:0" if self.rootless else f"{os.getuid()}:{os.getgid()}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task's container is among networks."""

    mode: str
    """As the API takes it: `host`, `none`, a network's name, `container:NAME`."""
    address: str = ""
    """Its own in a private network."""
    names: Mapping[str, str] | None = None
    """The hosts' names and addresses; None for those of the task."""


def of_task(task: Task, image: str, run: Path, toolkit: Path | None, place: Place, kind: Kind) -> dict[str, Any]:
    """The body of the task's container. `run` is the engine's folder for it."""
    words = [*task.command]
    if task.image is None:
        body = _on_the_system(task, run, toolkit, place, kind)
        shell: Sequence[str] = ["/bin/sh"]
    else:
        mounts, shell = base_image.shell()
        hosts = _etc(task, run, place, kind) / "hosts"
        body = {"Env": _pairs(task.environment), "HostConfig": {"Mounts": [*mounts, bind(hosts, "/etc/hosts")]}}
    settings = body["HostConfig"]
    if task.folder is not None:
        settings["Mounts"].append(bind(task.folder, "/opt/ml", writable=True))
    settings["Mounts"] += [bind(each.source, each.target, writable=each.writable) for each in task.mounts]
    settings["Mounts"].append(bind(run / "output", f"{FOLDER}/log", writable=True))
    body |= {"Image": image, "Entrypoint": [*shell, "-c", _REDIRECT.format(_file_limit(task)), "sh"], "Cmd": words}
    _confine(body, () if task.image is None else CAPABILITIES, kind)
    settings |= _limits(task)
    settings["OomScoreAdj"] = 500  # it goes before the server does
    if task.resources.gpus:
        settings |= _gpus(task, kind.podman)
    _put(body, place, task.hostname or task.id, kind.podman)
    return body


def private_folders(task: Task, run: Path) -> Sequence[Path]:
    """Where a task without an image writes besides /opt/ml. An image has its own places."""
    return [] if task.image is not None else [run / name for name in _PRIVATE]


def _on_the_system(task: Task, run: Path, toolkit: Path | None, place: Place, kind: Kind) -> dict[str, Any]:
    """A task without an image, as in bubblewrap's sandbox."""
    mounts = [*base_image.binds()]
    for folder, where in zip(private_folders(task, run), _PRIVATE.values(), strict=True):
        folder.mkdir(mode=0o700, exist_ok=True)
        mounts.append(bind(folder, where, writable=True))
    mounts += [bind(file, f"/etc/{file.name}") for file in sorted(_etc(task, run, place, kind).iterdir())]
    if task.python is not None:
        mounts += [bind(prefix, str(prefix)) for prefix in sandbox.python_folders(task.python)]
    if toolkit is not None:
        mounts.append(bind(toolkit / "sagewright_container", f"{sandbox.TOOLKIT}/sagewright_container"))
    # What the task mounts on top comes after, or an engine that sorts by depth would hide it.
    return {
        "Env": _pairs(sandbox.environment(task, toolkit)),
        "User": kind.user,
        "WorkingDir": "/opt/ml" if task.folder is not None else sandbox.HOME,
        "HostConfig": {"Mounts": mounts, "ReadonlyRootfs": True},
    }


def of_porch(task: Task, base: str, run: Path, endpoint: str, place: Place, kind: Kind) -> dict[str, Any]:
    """The body of the container that has the network which the task's own joins: it carries what goes in and out.

    `endpoint` is `HOST:PORT` where tasks ask for this server.
    """
    folder = run / "porch"
    folder.mkdir(mode=0o700, exist_ok=True)
    mounts = [*base_image.binds(), bind(folder, f"{FOLDER}/porch", writable=True)]
    mounts.append(bind(Path(relay.__file__), f"{FOLDER}/relay.py"))
    mounts += [bind(prefix, str(prefix)) for prefix in sandbox.python_folders(Path(sys.prefix))]
    pairs: list[str] = []
    if task.network != "none":
        pairs += [f"tcp:{endpoint.rpartition(':')[2]}", f"unix:{FOLDER}/porch/{relay.DOOR}"]
    if task.image is not None and task.socket and task.folder:
        inside = Path(task.socket)
        mounts.append(bind(task.folder / inside.parent.relative_to("/opt/ml"), f"{FOLDER}/served", writable=True))
        pairs += [f"unix:{FOLDER}/served/{inside.name}", f"tcp:{PORT}"]
    python = os.path.realpath(sys.executable)
    # Docker keeps the networks of its containers apart; Podman lets them through, whatever they are told.
    pool = str(networks.POOL) if kind.podman and place.mode != "none" else ""
    body: dict[str, Any] = {
        "Image": base,
        "Entrypoint": [python, "-I", "-S", f"{FOLDER}/relay.py", f"{FOLDER}/porch/{relay.READY}", pool],
        "Cmd": pairs,
        "User": kind.user,
        "HostConfig": {"Mounts": mounts, "ReadonlyRootfs": True, **_PORCH},
    }
    low = int(endpoint.rpartition(":")[2]) < _FIRST_FREE_PORT
    _confine(body, [*(["NET_ADMIN"] if pool else []), *(["NET_BIND_SERVICE"] if low else [])], kind)
    _put(body, place, task.hostname or task.id, kind.podman)
    return body


def _confine(body: dict[str, Any], capabilities: Sequence[str], kind: Kind) -> None:
    body["HostConfig"] |= {
        **confinement.settings(kind.podman, kind.filter_file),
        "CapDrop": ["ALL"],
        "CapAdd": list(capabilities),
        "Init": True,
        "LogConfig": {"Type": "none", "Config": {}},
        "IpcMode": "private",
    }


def _put(body: dict[str, Any], place: Place, hostname: str, podman: bool) -> None:
    body["HostConfig"]["NetworkMode"] = place.mode
    # Docker takes the name of whom the network is shared with, and no other.
    if podman or not place.mode.startswith("container:"):
        body["Hostname"] = hostname[:63].strip("-") or "task"
    if place.address:
        body["NetworkingConfig"] = {"EndpointsConfig": {place.mode: {"IPAMConfig": {"IPv4Address": place.address}}}}


def _file_limit(task: Task) -> str:
    """Of one file, in blocks of 512 bytes: what the whole volume holds. Files in memory are files too."""
    given = task.resources
    return str(max(given.disk_bytes, given.memory_bytes or 0) >> 9) if given.disk_bytes else "unlimited"


def _limits(task: Task) -> dict[str, Any]:
    given = task.resources
    out: dict[str, Any] = {"ShmSize": given.memory_bytes or 1 << 30}
    if given.memory_bytes is not None:
        out |= {"Memory": given.memory_bytes, "MemorySwap": given.memory_bytes}
    if given.vcpus is not None:
        out["NanoCpus"] = int(given.vcpus * 1e9)
    if given.processes is not None:
        out["PidsLimit"] = given.processes
    return out


def _gpus(task: Task, podman: bool) -> dict[str, Any]:
    if task.image is not None and not podman:  # NVIDIA's hook brings the driver's libraries
        return {"DeviceRequests": [{"Count": task.resources.gpus, "Capabilities": [["gpu"]]}]}
    return {
        "Devices": [
            {"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": "rw"}
            for path in sandbox.gpu_devices()
            if not os.path.isdir(path)
        ]
    }


def _etc(task: Task, run: Path, place: Place, kind: Kind) -> Path:
    """The files that name the user, the host and its neighbours."""
    names = task.hosts if place.names is None else place.names
    etc = sandbox.write_etc(task, run / "etc", names)
    passwd = etc / "passwd"
    passwd.write_text(passwd.read_text().replace(f":{sandbox.UID}:{sandbox.UID}:", f":{kind.user}:"))
    for file in etc.iterdir():
        file.chmod(0o644)
    return etc


def _pairs(environment: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in environment.items()]


def labels(owner: Path, task_id: str) -> dict[str, str]:
    """By which whatever belongs to a task is found."""
    return {LABEL: str(owner), f"{LABEL}.task": task_id}
