"""Channels in Pipe mode: what the toolkit's feeders send through FIFOs, and the command that starts them.

    DATA/tasks/<id>/pipes/<channel>/    a pile (see `keeping`) of what is to be sent, in order
    DATA/tasks/<id>/pipes/<channel>/feed    how: a line `name value` for each setting
    DATA/tasks/<id>/pipes/<channel>/place   where, below /opt/ml

The task sees the folder read-only at /opt/ml/input/.pipes. Its command is started by `sagewright_container.pipes`,
which leaves a feeder for each channel behind and becomes the command: no server is needed to feed an epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

from sagewright.base.errors import Terminal
from sagewright.compute.base import Mount
from sagewright.controllers.channels.channel import Channel, Host
from sagewright.controllers.channels.filling import Filling
from sagewright.controllers.channels.keeping import Pile
from sagewright.controllers.channels.listing import Item, dealt, items, units
from sagewright.controllers.platform import ObjectFiles

PLACE: Final = "/opt/ml/input/.pipes"
_WRAPPER: Final = ("python", "-S", "-m", "sagewright_container.pipes", "--")


def prepare(objects: ObjectFiles, channel: Channel, host: Host, folder: Path, filling: Filling, *, region: str) -> None:
    """Keep in `folder` what a host's feeder is to send of a channel: most of it while the task already runs."""
    if channel.kind == "AugmentedManifestFile":
        _keep(objects, _lines(objects, channel, host), filling.pile(folder))
    else:
        filling.begin(folder, sent(objects, channel, host, region=region))
    settings: dict[str, int] = {
        "pieces": len(channel.attributes) or 1,
        "gzip": int(channel.gzip),
        "record_io": int(channel.record_io),
    }
    if channel.seed is not None:
        dealing = channel.sharded and host.count > 1
        settings |= {"seed": channel.seed, "host": host.index if dealing else 0, "hosts": host.count if dealing else 1}
    (folder / "place").write_text(channel.place)
    (folder / "feed").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))


def sent(objects: ObjectFiles, channel: Channel, host: Host, *, region: str) -> Iterator[Item]:
    """The objects that a host's feeder needs. A seed deals anew in each epoch, so then that is all of them."""
    found = items(objects, channel, region=region)
    return found if channel.seed is not None else dealt(found, channel, host)


def _lines(objects: ObjectFiles, channel: Channel, host: Host) -> Iterator[Sequence[Item | bytes]]:
    found = units(objects, channel)
    return found if channel.seed is not None else dealt(found, channel, host)


def _keep(objects: ObjectFiles, found: Iterator[Sequence[Item | bytes]], pile: Pile) -> None:
    try:
        for piece in chain.from_iterable(found):
            if isinstance(piece, bytes):
                pile.add_bytes(piece)
            else:
                pile.add(objects, piece)
        pile.end()
    finally:
        pile.close()


def mount(folder: Path) -> Mount:
    """Shows the prepared channels to the feeders."""
    return Mount(folder, PLACE)


def refuse_pipes(mounts: Sequence[Mount]) -> None:
    """For a task in an image of its own, which has nothing that would feed them. Raises Terminal."""
    if any(each.target == PLACE for each in mounts):
        raise Terminal("ClientError: Pipes are fed by SageMaker's own images only. Use input mode File or FastFile.")


def wrapped(command: Sequence[str], mounts: Sequence[Mount]) -> Sequence[str]:
    """The command of a task with these mounts: with feeders before it if any channel is a pipe."""
    return (*_WRAPPER, *command) if any(each.target == PLACE for each in mounts) else command
