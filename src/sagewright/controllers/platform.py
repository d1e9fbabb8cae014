"""What controllers work with, as ports: `compose` hands in the real things, tests hand in fakes."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from sagewright.base.clock import Clock
from sagewright.base.errors import Fault
from sagewright.compute.base import Engine, Network
from sagewright.compute.machine import Machine
from sagewright.compute.runtimes import Environments
from sagewright.controllers.background import Background
from sagewright.controllers.channels.mounting import unmount
from sagewright.dataplane.inference.meter import Meter
from sagewright.dataplane.objects.values import Stored
from sagewright.resources.record import Record
from sagewright.store.base import Store
from sagewright.telemetry.logs import Logs
from sagewright.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)
_SESSION_NAME: Final = 64
"""Characters that a session's name may have."""


class ObjectFiles(Protocol):
    """Objects as controllers need them: whole, by bucket and key. Missing things raise SagewrightError."""

    def list(self, bucket: str, prefix: str) -> Iterator[tuple[str, int, str]]:
        """(key, size in bytes, etag) of every object whose key starts with `prefix`, in key order."""
        ...

    def each(self, bucket: str, prefix: str) -> Iterator[Stored]:
        """Every object whose key starts with `prefix`, in key order, and where its bytes are."""
        ...

    def stored(self, bucket: str, key: str) -> Stored:
        """An object, and where its bytes are."""
        ...

    def materialise(self, bucket: str, key: str, target: Path) -> object:
        """Write an object's bytes to a new file that its reader may change at will."""
        ...

    def put_file(
        self,
        bucket: str,
        key: str,
        path: Path,
        *,
        attributes: Mapping[str, Any] | None = None,
        md5: str | None = None,
    ) -> object:
        """Store a file's content as an object; durable on return. `attributes` are what GetObject tells of it; `md5`
        spares reading it for that, where it is known."""
        ...


class ObjectsAs(Protocol):
    """Gives the objects as a role may have them: methods raise SagewrightError for what it may not."""

    def __call__(self, role_arn: str, region: str) -> ObjectFiles: ...


class OwnImages(Protocol):
    """The images in this server's own repositories, for an engine that runs them."""

    def address(self, image: str, region: str) -> str | None:
        """Where the engine finds it; None for what is in none of our repositories."""
        ...

    def login(self, image: str, role_arn: str, region: str) -> tuple[str, str] | None:
        """User and password to fetch it with, the role's; None where nobody is asked who they are."""
        ...


class Grants(Protocol):
    """Turns a role into something that a task may fetch that role's credentials with."""

    def grant(self, role_arn: str, session: str, work: Record) -> str:
        """`work` is what the task is for: with it ends the grant."""
        ...


@dataclass(frozen=True, slots=True)
class Platform:
    """What one server's controllers share."""

    store: Store
    engine: Engine
    environments: Environments
    objects_as: ObjectsAs
    logs: Logs
    metrics: Metrics
    meter: Meter
    grants: Grants
    clock: Clock
    machine: Machine
    tasks: Path
    """Where tasks' /opt/ml folders are: `tasks/<task id>/ml`."""
    endpoint_url: str
    """Where tasks reach this server."""
    own_images: OwnImages | None = None
    serverless_idle: float = 300.0
    """Seconds that an instance of a serverless variant is kept while nobody asks for it."""
    serverless_standby: bool = True
    """Whether one stands by for each serverless variant that nobody asks."""
    vpc_network: Network = "platform"
    """What tasks with a VpcConfig reach."""
    background: Background = field(default_factory=Background)
    """What is still done for tasks that run."""

    @property
    def file_systems(self) -> Path:
        """Where the folders are that stand for file systems, by their ids."""
        return self.tasks.parent / "file-systems"

    def ml_folder(self, task_id: str) -> Path:
        return self.tasks / task_id / "ml"

    def forget(self, task_id: str) -> None:
        """Kill a task that still runs, call back one that was about to start, and remove all that it left."""
        self.engine.destroy(task_id)
        folder = self.tasks / task_id
        self.background.stop(f"{folder}/")
        if (folder / "piles").is_dir():
            unmount(folder)
        shutil.rmtree(folder, ignore_errors=True)

    def sweep(self, owned: set[str]) -> None:
        """Remove every task that no record owns: what a killed server had not come to removing."""
        folders = {entry.name for entry in self.tasks.iterdir() if entry.is_dir()} if self.tasks.is_dir() else set()
        for task_id in {name for name in folders | set(self.engine.list()) if not name.startswith(".")} - owned:
            try:
                self.forget(task_id)
            except (Fault, OSError) as error:  # a task that cannot be ended must not keep the server from starting
                _log.warning("task %s belongs to nobody and could not be removed: %s", task_id, error)

    def network(self, spec: Mapping[str, Any]) -> Network:
        """What the tasks of a job or model may reach. As on AWS, isolation means not even S3."""
        asked = spec.get("NetworkConfig", spec)  # of processing jobs it stands apart
        if asked.get("EnableNetworkIsolation"):
            return "none"
        return self.vpc_network if asked.get("VpcConfig") else "host"

    def environment(self, record: Record, role_arn: str) -> Mapping[str, str]:
        """What every task for a record is told: where AWS is, and how to become its role (as AWS's own containers
        are)."""
        region = record.key.region
        grant = self.grants.grant(role_arn, record.name[:_SESSION_NAME], record)
        return {
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "S3_ENDPOINT_URL": self.endpoint_url,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.endpoint_url}/_sagewright/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": grant,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{self.endpoint_url}/_sagewright/metadata/{grant}/",
            "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT": f"{self.endpoint_url}/_sagewright/mlflow",
        }


def tail(lines: Sequence[str], *, limit: int = 800) -> str:
    """The last lines of a log that fit into `limit` characters."""
    kept: list[str] = []
    size = 0
    for line in reversed(lines):
        size += len(line) + 1
        if size > limit and kept:
            break
        kept.append(line[-limit:])
    return "\n".join(reversed(kept))
