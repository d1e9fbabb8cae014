"""The door of the room: a job's channels, laid out for one host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sagewright.base.errors import Terminal
from sagewright.compute.base import Mount
from sagewright.controllers.channels import file_systems, files, pipes
from sagewright.controllers.channels.channel import Channel, Host, channel, hosts_of, mode_of, of_host
from sagewright.controllers.channels.filling import Filling
from sagewright.controllers.channels.keeping import complete
from sagewright.controllers.channels.listing import dealt, items
from sagewright.controllers.channels.told import told
from sagewright.controllers.platform import ObjectFiles, Platform

FAILURE: Final = "input-failed"
"""The file beside a task's /opt/ml that says why its input could not be completed."""
_GRACE: Final = 10.0
"""Seconds that a task has to end when its input cannot be completed."""


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

    `folder` is the task's, named by its id, with /opt/ml in its `ml`; it must be fresh. Returns what the task has to be
    shown besides. Large channels are completed while the task runs: `resume` sees to that after a restart.
    Raises Terminal with the FailureReason where a channel cannot be shown.
    """
    return lay_out(platform, objects, _channels(spec, hosts, index), folder, region=region)


def lay_out(
    platform: Platform, objects: ObjectFiles, dealt_to: Iterable[tuple[Channel, Host]], folder: Path, *, region: str
) -> Sequence[Mount]:
    """The same for channels that are told one by one, each with the host that gets it."""
    filling = _filling(platform, objects, folder)
    mounts: list[Mount] = []
    for each, host in dealt_to:
        with told(each):
            mounts += _shown(platform, objects, each, host, folder, filling, region)
    if (folder / "pipes").is_dir():
        mounts.append(pipes.mount(folder / "pipes"))
    return mounts


def resume(
    platform: Platform,
    objects: ObjectFiles,
    spec: Mapping[str, Any],
    folder: Path,
    *,
    region: str,
    hosts: Sequence[Host] = (Host(),),
    index: int = 0,
) -> None:
    """Complete what another server left half-done for a task that runs. Costs little where nothing is to be done."""
    complete_all(platform, objects, _channels(spec, hosts, index), folder, region=region)


def complete_all(
    platform: Platform, objects: ObjectFiles, dealt_to: Iterable[tuple[Channel, Host]], folder: Path, *, region: str
) -> None:
    """The same for channels that are told one by one."""
    if not (folder / "pipes").is_dir() and not (folder / "piles").is_dir():
        return
    filling = _filling(platform, objects, folder)
    for each, host in dealt_to:
        pile = folder / ("pipes" if each.mode == "Pipe" else "piles") / each.name
        if each.kind == "AugmentedManifestFile" or filling.going_on(pile) or not pile.is_dir() or complete(pile):
            continue
        if each.mode == "Pipe":
            filling.resume(pile, pipes.sent(objects, each, host, region=region))
        else:
            filling.resume(pile, dealt(items(objects, each, region=region), each, host))


def _channels(spec: Mapping[str, Any], hosts: Sequence[Host], index: int) -> Iterator[tuple[Channel, Host]]:
    """What the host at `index` gets, and which part of it it is."""
    for asked in of_host(spec, hosts[index]):
        dealt_to = hosts_of(asked, hosts)
        host = Host(dealt_to.index(hosts[index]), len(dealt_to), hosts[index].group)
        yield channel(asked, mode_of(asked, spec)), host


def _shown(
    platform: Platform,
    objects: ObjectFiles,
    each: Channel,
    host: Host,
    folder: Path,
    filling: Filling,
    region: str,
) -> Sequence[Mount]:
    if each.mode == "Pipe":
        (folder / "ml" / each.place).parent.mkdir(parents=True, exist_ok=True)
        pipes.prepare(objects, each, host, folder / "pipes" / each.name, filling, region=region)
        return ()
    place = folder / "ml" / each.place
    place.mkdir(parents=True, exist_ok=True)
    if each.file_system is not None and not platform.engine.shares_disk:
        raise Terminal(
            f"ClientError: The engine {platform.engine.name!r} does not show file systems to its nodes. Give the data "
            "of the channel by S3DataSource, or run the server with --engine process."
        )
    if each.file_system is not None:
        return (file_systems.mount(each.name, each.file_system, platform.file_systems),)
    places = files.Places(place, folder / "channels" / each.name, folder / "piles" / each.name)
    found = dealt(items(objects, each, region=region), each, host)
    return files.show(objects, each, found, places, filling, sealed=platform.engine.read_only_mounts)


def _filling(platform: Platform, objects: ObjectFiles, folder: Path) -> Filling:
    def failed(why: str) -> None:
        """A task whose input does not come ends, and its job fails with what is said here, beside its /opt/ml."""
        told_apart = why.startswith("ClientError: ")
        (folder / FAILURE).write_text(why if told_apart else f"ClientError: Data download failed: {why}")
        platform.engine.stop(folder.name, grace=_GRACE)

    engine = platform.engine
    return Filling(platform.background, objects, failed, sealed=engine.read_only_mounts, whole=not engine.shares_disk)
