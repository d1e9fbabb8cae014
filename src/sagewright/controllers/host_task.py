"""What the tasks of a job's hosts have alike, whatever the job does: room, network, names, and a place to install."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from sagewright.compute import instances
from sagewright.compute.base import Mount, Placement, Share, Task, TaskState
from sagewright.controllers.platform import Platform
from sagewright.controllers.pump import Narrator
from sagewright.resources.training_host import Host


def of_host(
    platform: Platform,
    host: Host,
    everybody: Sequence[Host],
    say: Narrator,
    *,
    identity: str,
    group: str,
    placed: str,
    spec: Mapping[str, Any],
    environment: Mapping[str, str],
    mounts: Sequence[Mount],
) -> Task:
    """A host's task without its command and what it runs in. The tasks of one `group` reach each other, those that are
    `placed` alike find room together. `spec` says what they may reach."""
    fitted = instances.fit(host.instance_type, platform.machine)
    if fitted.note:
        say(fitted.note)
    shares = [
        Share(instances.fit(each.instance_type, platform.machine).resources, each.instance_type) for each in everybody
    ]
    return Task(
        id=identity,
        command=(),
        environment=environment,
        folder=platform.ml_folder(identity),
        mounts=mounts,
        resources=replace(fitted.resources, disk_bytes=host.disk_bytes),
        network=platform.network(spec),
        hosts={each.name: each.address for each in everybody},
        hostname=host.name,
        placement=Placement(placed, shares, everybody.index(host)),
        group=group,
    )


def installing(platform: Platform, task: Task) -> Task:
    """The task with a thin environment of its own over the one that it has, to install into with pip."""
    assert task.python is not None
    own = platform.environments.fork(task.python, platform.ml_folder(task.id).parent / "environment")
    return replace(
        task,
        python=own,
        mounts=(*task.mounts, Mount(own, str(own), writable=True)),
        environment={**index(platform), **task.environment},
    )


def failed_first(begun: Mapping[Host, TaskState]) -> Host | None:
    """The host that failed first, if one did: the others may have ended badly for want of it. When one was lost is
    not known; what the others say is of no use then."""
    ends = {
        host: 0.0 if task.phase == "lost" else task.ended or float("inf")
        for host, task in begun.items()
        if task.phase == "lost" or (task.phase == "exited" and task.exit_code != 0)
    }
    return min(ends, key=lambda host: ends[host], default=None)


def index(platform: Platform) -> Mapping[str, str]:
    """Where a task's own pip finds packages: as the server's does, but this very server is not asked for through a
    proxy. Some programs read one spelling of NO_PROXY, some the other."""
    settings = platform.environments.index
    if not any(name.lower().endswith("_proxy") and name.lower() != "no_proxy" for name in settings):
        return settings
    known = settings.get("NO_PROXY") or settings.get("no_proxy") or ""
    here = urlsplit(platform.endpoint_url).hostname or ""
    hosts = ",".join(dict.fromkeys([*filter(None, known.split(",")), here]))
    return {**settings, "NO_PROXY": hosts, "no_proxy": hosts}
