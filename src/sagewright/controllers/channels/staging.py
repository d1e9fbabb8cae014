"""The door of the room: a job's channels, laid out for one host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sagewright.compute.base import Mount
from sagewright.controllers.channels import file_systems, files, pipes
from sagewright.controllers.channels.channel import Channel, Host, channel, hosts_of, mode_of, of_host
from sagewright.controllers.channels.listing import dealt, items
from sagewright.controllers.channels.told import told
from sagewright.controllers.platform import ObjectFiles, Platform


def stage(
    platform: Platform,
    objects: ObjectFiles,
    spec: Mapping[str, Any],
    folder: Path,
    *,
    region: str,
    hosts: Sequence[Host] = (Host(),),
    index: int = 0,
) -> Sequence[Mount]:
    """Lay out a training job's channels for the host at `index` among `hosts`; `spec` is CreateTrainingJob's request.

    `folder` is the task's, with /opt/ml in its `ml`; it must be fresh. Returns what the task has to be shown besides.
    Raises Terminal with the FailureReason where a channel cannot be shown.
    """
    mounts: list[Mount] = []
    for asked in of_host(spec, hosts[index]):
        each = channel(asked, mode_of(asked, spec))
        host = _among(hosts_of(asked, hosts), hosts[index])
        with told(each):
            mounts += _shown(platform, objects, each, host, folder, region)
    if (folder / "pipes").is_dir():
        mounts.append(pipes.mount(folder / "pipes"))
    return mounts


def _shown(
    platform: Platform, objects: ObjectFiles, each: Channel, host: Host, folder: Path, region: str
) -> Sequence[Mount]:
    if each.mode == "Pipe":
        pipes.prepare(objects, each, host, folder / "pipes" / each.name, region=region)
        return ()
    place = folder / "ml" / "input" / "data" / each.name
    place.mkdir(parents=True, exist_ok=True)
    if each.file_system is not None:
        return (file_systems.mount(each.name, each.file_system, platform.file_systems),)
    found = dealt(items(objects, each, region=region), each, host)
    sealed = platform.engine.read_only_mounts
    shown = files.show(objects, each, found, place, folder / "channels" / each.name, sealed=sealed)
    return () if shown is None else (shown,)


def _among(dealt_to: Sequence[Host], host: Host) -> Host:
    """A host by its place among those that a channel is dealt to."""
    return Host(dealt_to.index(host), len(dealt_to), host.group)
