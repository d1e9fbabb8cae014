"""Channels in Pipe mode: what the toolkit's feeders send through FIFOs, and the command that starts them.

    DATA/tasks/<id>/pipes/<channel>/    a pile (see `keeping`) of what is to be sent, in order
    DATA/tasks/<id>/pipes/<channel>/feed    how: a line `name value` for each setting

The task sees the folder read-only at /opt/ml/input/.pipes. Its command is started by `sagewright_container.pipes`,
which leaves a feeder for each channel behind and becomes the command: no server is needed to feed an epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from sagewright.compute.base import Mount
from sagewright.controllers.channels.channel import Channel, Host
from sagewright.controllers.channels.keeping import Pile
from sagewright.controllers.channels.listing import Item, dealt, items, units
from sagewright.controllers.platform import ObjectFiles

PLACE: Final = "/opt/ml/input/.pipes"
_WRAPPER: Final = ("python", "-S", "-m", "sagewright_container.pipes", "--")


def prepare(objects: ObjectFiles, channel: Channel, host: Host, folder: Path, *, region: str) -> None:
    """Keep in `folder` what a host's feeder is to send of a channel."""
    pile = Pile(folder)
    # A seed deals anew in each epoch, so then every host's feeder needs all of it.
    reshuffled = channel.seed is not None
    for unit in _units(objects, channel, host, region=region, whole=reshuffled):
        for piece in unit:
            if isinstance(piece, bytes):
                pile.add_bytes(piece)
            else:
                pile.add(objects, piece)
    pile.close()
    settings: dict[str, int] = {
        "pieces": len(channel.attributes) or 1,
        "gzip": int(channel.gzip),
        "record_io": int(channel.record_io),
    }
    if channel.seed is not None:
        dealing = channel.sharded and host.count > 1
        settings |= {"seed": channel.seed, "host": host.index if dealing else 0, "hosts": host.count if dealing else 1}
    (folder / "feed").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))


def _units(
    objects: ObjectFiles, channel: Channel, host: Host, *, region: str, whole: bool
) -> Iterator[Sequence[Item | bytes]]:
    if channel.kind == "AugmentedManifestFile":
        lines = units(objects, channel)
        return lines if whole else dealt(lines, channel, host)
    found = items(objects, channel, region=region)
    return ([item] for item in (found if whole else dealt(found, channel, host)))


def mount(folder: Path) -> Mount:
    """Shows the prepared channels to the feeders."""
    return Mount(folder, PLACE)


def wrapped(command: Sequence[str], mounts: Sequence[Mount]) -> Sequence[str]:
    """The command of a task with these mounts: with feeders before it if any channel is a pipe."""
    return (*_WRAPPER, *command) if any(each.target == PLACE for each in mounts) else command
