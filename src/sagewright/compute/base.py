"""The engine's port: what a task is, and what an engine must do with it.

Its docstrings are the law that `testing/engine_kit.py` checks on every engine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sagewright.base.errors import Terminal
from sagewright.compute.machine import Machine


@dataclass(frozen=True, slots=True)
class Mount:
    """A host path shown to the task."""

    source: Path
    target: str
    """Absolute path inside the task, e.g. `/opt/ml/input/data/train`."""
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Resources:
    """What the task may use. None means no limit beyond the machine's."""

    vcpus: float | None = None
    memory_bytes: int | None = None
    gpus: int = 0
    processes: int | None = None
    """Processes and threads at once."""
    disk_bytes: int | None = None
    """What it may write to its own folders together, /opt/ml among them. Engines look from time to time, so it may come
    to hold a little more before it is ended."""


Network = Literal["host", "platform", "none"]
"""host: whatever this machine reaches. platform: the platform's own endpoint, and nothing else. none: nothing. Tasks of
one job reach each other with any of them."""


@dataclass(frozen=True, slots=True)
class Share:
    """What a task takes of the machine that it is put on."""

    resources: Resources = field(default_factory=Resources)
    instance_type: str = ""
    """Of SageMaker's: machines may say that they are such, and then only these are taken."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a task goes among the machines of an engine that has several. Others do not look at it."""

    group: str = ""
    """Tasks of one group find room together or not at all; '': it goes by itself."""
    shares: Sequence[Share] = ()
    """Of all tasks of the group, in the order of their numbers; empty: this one's resources."""
    number: int = 0
    """Of this task in its group."""
    apart: str = ""
    """Those that name the same go to different machines as far as there are any."""
    kept: bool = True
    """Whether what it leaves in its folder is wanted."""


@dataclass(frozen=True, slots=True)
class Task:
    """One run of a command in an image. A plain value that can be written down and read back."""

    id: str
    """Chosen by the controller before it starts anything, and stored: `[a-z0-9-]+`, at most 100 characters.
    The same id never runs twice, however often it is started."""
    command: Sequence[str]
    """Argument list; the first is looked up inside the task (`python` is the environment's own)."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Never put on a command line; readable by the task alone."""
    python: Path | None = None
    """The virtual environment whose `bin` comes first on PATH; None for the system's."""
    folder: Path | None = None
    """The host folder bound to /opt/ml, writable, made by the controller (`DATA/tasks/<id>/ml` by custom)."""
    mounts: Sequence[Mount] = ()
    """Shown on top of `folder`, in order."""
    resources: Resources = field(default_factory=Resources)
    network: Network = "host"
    hosts: Mapping[str, str] = field(default_factory=dict)
    """Names that must resolve inside: `{"algo-1": "127.0.0.1"}`."""
    group: str = ""
    """What the tasks of one job share, `[a-z0-9-]+`. Those that do not have the host's network share one of their own,
    in which they reach each other. An engine with `private_networks` joins the `hosts` of a group by a network of their
    own in any case, at addresses of its own choice."""
    hostname: str = ""
    socket: str | None = None
    """Path inside the task, under /opt/ml, of a Unix socket that the task will listen on. One that runs in an image
    as itself listens on TCP port 8080 instead, and the engine makes the socket."""
    image: str | None = None
    """The engine's name of the image (`Image.id`) that the task runs in as itself, for an engine that `runs_images`;
    None for the environment `python` on this machine's system."""
    placement: Placement = field(default_factory=Placement)
    here: bool = False
    """It works on files of this machine that others change while it runs: it is not to run on another one."""


Phase = Literal["unknown", "running", "exited", "lost"]


@dataclass(frozen=True, slots=True)
class TaskState:
    """What is, now.

    unknown: no such task was ever started here (or it was destroyed). running: it may still do something.
    exited: it ended; `exit_code` is the process's own, or 128 + signal. lost: it is gone and nobody saw how
    (the machine went down, the supervisor was killed).
    """

    phase: Phase
    exit_code: int | None = None
    out_of_memory: bool = False
    """True when the task was ended for using more memory than it may."""
    out_of_disk: bool = False
    """True when the task was ended for writing more than it may."""
    started: float | None = None
    ended: float | None = None
    """Epoch seconds."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a running task uses."""

    cpu_seconds: float
    """Of all its processes since it started: it only grows."""
    memory_bytes: int
    """What is resident now."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line the task wrote. `offset` is where the next read continues."""

    timestamp_ms: int
    message: str
    offset: int


@dataclass(frozen=True, slots=True)
class Login:
    """Who may fetch an image."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Image:
    """An image that an engine holds."""

    id: str
    """What `Task.image` takes. It names these very bytes, whatever becomes of the tag."""
    entrypoint: Sequence[str]
    """What it runs; empty where the command says all."""


class Engine(ABC):
    """Runs tasks, remembers them, and can be asked by a server that was just started.

    Threads: every method may be called from any thread. All methods return soon (start: within the time it takes
    to launch; none waits for the task to end). A killed server loses nothing: tasks go on, and a new server's
    engine on the same data folder finds them by id.
    """

    name: str

    @property
    def servers(self) -> Literal["one", "machine", "all"]:
        """Which servers may share a data folder, each with an engine of this sort on it: one alone, those of one
        machine, or all that see the folder. Who shares it sees and reaches the same tasks, and starts none twice."""
        return "one"

    @property
    def read_only_mounts(self) -> bool:
        """Whether a task cannot write to what it is shown read-only."""
        return False

    @property
    def shares_disk(self) -> bool:
        """Whether a task sees what is changed in its folder and mounts after it was started, and others see at once
        what it writes there. Where it does not, all must be there before it starts; what it writes comes now and
        then, and is there as a whole when it has exited."""
        return True

    @property
    def runs_images(self) -> bool:
        """Whether tasks can run in images as themselves."""
        return False

    @property
    def private_networks(self) -> bool:
        """Whether the hosts of one job share ports with no other job, whatever else their network reaches."""
        return False

    def image(self, address: str) -> Image | None:
        """The image of this address, if the engine holds it."""
        return None

    def pull(self, address: str, login: Login | None) -> Image:
        """Fetch the newest image of this address from its registry. May take minutes.

        Raises Terminal, with the registry's reason, for what cannot be had.
        """
        raise Terminal(f"The engine {self.name!r} runs no images: {address}.")

    @abstractmethod
    def cannot(self) -> Sequence[str]:
        """What this engine does not do on this machine, each a sentence that the user will read."""

    @abstractmethod
    def machines(self) -> Sequence[Machine]:
        """The nodes that tasks run on, and what each has for them all; one at least. A task runs on one of them."""

    @abstractmethod
    def start(self, task: Task) -> None:
        """Start it unless a task of that id was ever started: then do nothing (idempotent, also across restarts).

        Raises Terminal if it cannot be started here, with the reason a user needs.
        """

    @abstractmethod
    def inspect(self, task_id: str) -> TaskState:
        """What is, now. Never raises for an unknown id."""

    @abstractmethod
    def stop(self, task_id: str, *, grace: float) -> None:
        """Ask it to end (SIGTERM to the task's main process), and after `grace` seconds end it (SIGKILL to all of
        it). The grace period runs even if the server dies. Silent if it is not running. Asking again may only
        shorten the grace."""

    @abstractmethod
    def watch(self, task_id: str, wake: Callable[[], None]) -> None:
        """Call `wake` (from any thread, at least once, soon) when the task ends; at once if it already has."""

    @abstractmethod
    def logs(self, task_id: str, *, offset: int, limit: int = 10_000) -> Sequence[LogLine]:
        """Lines of its standard output and error from `offset` (0 at first), in order, each with the time it was
        written. Only whole lines, save that the last piece is given when the task has ended. Fewer than `limit` may
        come although more are there (very long ones): what is empty is the end."""

    @abstractmethod
    def address(self, task_id: str) -> Path | None:
        """Host path of the task's Unix socket (short enough to connect to), None if it has none.

        Who listens there in the task's stead, and does not reach it, answers 503 with `Sagewright-Task: not-reached`:
        then whoever asks may ask another task the same."""

    @abstractmethod
    def usage(self, task_ids: Collection[str]) -> Mapping[str, Usage]:
        """What these tasks use, by id. Those that do not run, or cannot be measured here, are missing.

        Asking about many at once costs little more than asking about one."""

    @abstractmethod
    def list(self) -> Sequence[str]:
        """Ids of all tasks not destroyed."""

    @abstractmethod
    def destroy(self, task_id: str) -> None:
        """Forget it and remove what the engine made for it, killing it first if it runs. Silent if unknown."""

    @abstractmethod
    def close(self) -> None:
        """Stop watching. Tasks go on."""
