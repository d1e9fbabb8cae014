"""Controllers without a process: records in memory, an engine that does as planned, a clock that stands still."""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from sagewright.base.errors import SagewrightError, Terminal
from sagewright.compute.fake import FakeEngine
from sagewright.compute.machine import Machine
from sagewright.controllers.loop import Reconciler
from sagewright.controllers.platform import Platform
from sagewright.controllers.room import Room
from sagewright.dataplane.inference.meter import Meter
from sagewright.dataplane.objects.values import Stored
from sagewright.resources.record import Key, Record
from sagewright.store.memory import MemoryStore
from sagewright.telemetry.logs import Logs, NoSuchGroup, NoSuchStream
from sagewright.telemetry.metrics import Metrics
from sagewright.testing.clock import ManualClock

ACCOUNT, REGION = "123456789012", "eu-west-1"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-1-cpu-py3"


class Missing(SagewrightError):
    """What the objects lack."""


class Files:
    """Objects in a dictionary; only its buckets exist."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], bytes] = {}
        self.buckets = {"b"}
        self.roles: list[tuple[str, str]] = []
        """As whom they were asked for."""
        self.on_read: Callable[[], None] = lambda: None
        """Called before each object is handed out: what happens while a task is prepared."""

    def of(self, role_arn: str, region: str) -> Files:
        self.roles.append((role_arn, region))
        return self

    def list(self, bucket: str, prefix: str) -> Iterator[tuple[str, int, str]]:
        if bucket not in self.buckets:
            raise Missing(f"NoSuchBucket: {bucket}")
        return iter([(key, len(data), "") for (_, key), data in sorted(self.held.items()) if key.startswith(prefix)])

    def each(self, bucket: str, prefix: str) -> Iterator[Stored]:
        return (self.stored(bucket, key) for key, _, _ in self.list(bucket, prefix))

    def stored(self, bucket: str, key: str) -> Stored:
        if (bucket, key) not in self.held:
            raise Missing(f"NoSuchObject: {bucket}/{key}.")
        data = self.held[bucket, key]
        return Stored(key, len(data), data=data)

    def materialise(self, bucket: str, key: str, target: Path) -> object:
        self.on_read()
        if (bucket, key) not in self.held:
            raise Missing(f"NoSuchObject: {bucket}/{key}.")
        return target.write_bytes(self.held[bucket, key])

    def put_file(
        self,
        bucket: str,
        key: str,
        path: Path,
        *,
        attributes: Mapping[str, Any] | None = None,
        md5: str | None = None,
    ) -> object:
        if bucket not in self.buckets:
            raise Missing(f"NoSuchBucket: {bucket}")
        self.held[bucket, key] = path.read_bytes()
        return None


class Environments:
    """All of them are made."""

    def ready(self, name: str) -> Path | None:
        return Path("/envs", name)

    def ensure(self, name: str, log: Callable[[str], None]) -> Path:
        return Path("/envs", name)

    def layer(self, base: Path, requirements: Path, log: Callable[[str], None]) -> Path:
        log(f"Installing {requirements.name} on top of {base.name}.")
        return base / "layer"

    def fork(self, base: Path, path: Path) -> Path:
        return path

    @property
    def index(self) -> Mapping[str, str]:
        return {"UV_INDEX_URL": "https://index"}


class Grants:
    def grant(self, role_arn: str, session: str, work: Record) -> str:
        return f"grant for {role_arn} as {session} to work for {work.name}"


@dataclass
class Bench:
    """What controllers work with, and what tests look at."""

    folder: Path
    clock: ManualClock = field(default_factory=ManualClock)
    store: MemoryStore = field(default_factory=MemoryStore)
    files: Files = field(default_factory=Files)
    woken: list[Key] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    """What the engine did, for tests of the order of things."""

    def __post_init__(self) -> None:
        self.engine = Engine(self)
        self.logs = Logs(self.folder / "logs", self.clock)
        self.metrics = Metrics(self.folder / "metrics", self.clock)
        self.platform = Platform(
            store=self.store,
            engine=self.engine,
            environments=cast(Any, Environments()),
            objects_as=self.files.of,
            logs=self.logs,
            metrics=self.metrics,
            meter=Meter(self.metrics, self.clock),
            grants=Grants(),
            clock=self.clock,
            machine=Machine(vcpus=2, memory_bytes=8 << 30),
            tasks=self.folder / "tasks",
            endpoint_url="http://127.0.0.1:4700",
        )

    def room(self, places: int) -> Room:
        """Room for so many jobs of an ml.m5.large at once."""
        return Room([self.platform.machine], self.wake, overcommit=places)

    def wake(self, key: Key) -> None:
        self.woken.append(key)

    def look(self, reconciler: Reconciler, key: Key) -> float | None:
        """One look, as the loop does it: when to look again."""
        record = self.store.get(key)
        if record is None:
            return None
        try:
            return reconciler.reconcile(record)
        except Terminal as error:
            newest = self.store.get(key)
            assert newest is not None
            reconciler.fail(newest, str(error))
            return None

    def settle(self, reconciler: Reconciler, key: Key, looks: int = 1000) -> None:
        """Look until nothing is left to do, or nothing has changed for a while; time passes as it is asked for."""
        changed = self.clock.now()
        for _ in range(looks):
            before = self.store.get(key)
            delay = self.look(reconciler, key)
            if self.store.get(key) != before:
                changed = self.clock.now()
            elif delay is None or self.clock.now() - changed > 90:
                return
            self.engine.advance(delay or 0.0)
        raise AssertionError(f"{self.store.get(key)} does not settle")

    def change(self, key: Key, **fields: Any) -> Record:
        """As an operation would."""
        changed = self.store.amend(key, lambda record: replace(record, **fields))
        assert changed is not None
        return changed

    def lines(self, group: str) -> list[str]:
        """All that a log group holds, in order."""
        place = self.logs.at(ACCOUNT, REGION)
        with contextlib.suppress(NoSuchGroup, NoSuchStream):
            return [event.message for _, event in place.merged(group, place.names(group))]
        return []

    @property
    def folders(self) -> Sequence[str]:
        """The tasks that have a folder."""
        tasks = self.folder / "tasks"
        return sorted(path.name for path in tasks.iterdir()) if tasks.is_dir() else []


class Engine(FakeEngine):
    """Writes down what it is asked to do; may be told to die, as a killed server does, before it does it."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.clock)
        self._bench = bench
        self.die_at = ""
        self.watched: list[str] = []

    def _note(self, step: str, task_id: str) -> None:
        if self.die_at == step:
            self.die_at = ""
            raise Killed(step)
        self._bench.steps.append(f"{step} {task_id}")

    def start(self, task: Any) -> None:
        self._note("start", task.id)
        super().start(task)

    def stop(self, task_id: str, *, grace: float) -> None:
        self._note("stop", task_id)
        super().stop(task_id, grace=grace)

    def destroy(self, task_id: str) -> None:
        self._note("destroy", task_id)
        super().destroy(task_id)

    def watch(self, task_id: str, wake: Callable[[], None]) -> None:
        self.watched.append(task_id)
        super().watch(task_id, wake)


class Killed(BaseException):
    """The server died here."""


def packed(files: Mapping[str, bytes]) -> bytes:
    """A gzipped tar of these."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def unpacked(data: bytes) -> dict[str, bytes]:
    """The files in a gzipped tar."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = {member.name: archive.extractfile(member) for member in archive.getmembers() if member.isfile()}
        return {name: file.read() for name, file in found.items() if file is not None}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.metrics.close()
