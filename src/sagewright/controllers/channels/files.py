"""Channels in File and FastFile mode: folders of files.

A small File channel is copied, so its task may change it, as on AWS. A large one shows the stored files themselves,
read-only: linked into a folder, or, where they are many, by a file system that does not wait until all are listed. So
does any FastFile channel.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Final

from sagewright.compute.base import Mount
from sagewright.controllers.channels.channel import Channel
from sagewright.controllers.channels.filling import Filling
from sagewright.controllers.channels.keeping import link
from sagewright.controllers.channels.listing import Item
from sagewright.controllers.channels.mounting import mount
from sagewright.controllers.platform import ObjectFiles

COPIED_OBJECTS: Final = 256
COPIED_BYTES: Final = 16 << 20
"""A File channel within both limits is copied: that takes as long as linking it."""
SINGLE_OBJECTS: Final = 64
"""So few large ones are mounted each by itself: the folder around them stays the task's, to unpack archives in."""
LINKED_OBJECTS: Final = 500
"""More of them are not linked before the task starts, but while it runs."""
CODE: Final = frozenset({"code", "sm_drivers"})
"""Channels that SDK v3 puts its scripts into, which its start command makes executable. Copied whatever their size."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a task keeps what a channel shows."""

    copied: Path
    """In /opt/ml itself."""
    shown: Path
    """Mounted over that, read-only."""
    pile: Path
    """What a file system shows in `shown`."""


def show(
    objects: ObjectFiles, channel: Channel, found: Iterator[Item], places: Places, filling: Filling, *, sealed: bool
) -> Sequence[Mount]:
    """Lay out a channel's objects; answers what is to be mounted.

    `sealed`: whether a mount can be read-only; where it cannot, all is copied.
    """
    few, rest = _few(found) if channel.mode == "File" else ([], found)
    if not sealed or channel.copied or channel.name in CODE or rest is None:
        _copy(objects, chain(few, rest or ()), places.copied)
        return ()
    found = chain(few, rest)
    first = list(islice(found, LINKED_OBJECTS + 1))
    target = f"/opt/ml/{channel.place}"
    if channel.mode == "File" and len(first) <= SINGLE_OBJECTS:
        _link(objects, iter(first), places.shown)
        return [Mount(places.shown / item.path, f"{target}/{item.path}") for item in first]
    found = chain(first, found)
    if len(first) > LINKED_OBJECTS and channel.kind == "S3Prefix" and not filling.whole and _mount(places):
        filling.begin(places.pile, found)
    else:
        _link(objects, found, places.shown)
    return [Mount(places.shown, target)]


def _mount(places: Places) -> bool:
    """Show the pile that is about to be made, where this machine can."""
    places.pile.mkdir(parents=True)
    (places.pile / "index").touch()
    if mount(places.pile, places.shown):
        return True
    shutil.rmtree(places.pile)
    return False


def _few(found: Iterator[Item]) -> tuple[list[Item], Iterator[Item] | None]:
    """The first objects, up to what is copied, and the others; None where that is all."""
    few: list[Item] = []
    size = 0
    for item in found:
        few.append(item)
        size += item.stored.size
        if len(few) > COPIED_OBJECTS or size > COPIED_BYTES:
            return few, found
    return few, None


def _copy(objects: ObjectFiles, found: Iterator[Item], folder: Path) -> None:
    for item in found:
        target = folder / item.path
        target.parent.mkdir(parents=True, exist_ok=True)
        objects.materialise(item.bucket, item.stored.key, target)


def _link(objects: ObjectFiles, found: Iterator[Item], shown: Path) -> None:
    shown.mkdir(parents=True, exist_ok=True)
    folder, made = str(shown), {""}
    for item in found:
        parent = item.path.rpartition("/")[0]
        if parent not in made:
            os.makedirs(f"{folder}/{parent}", exist_ok=True)
            made.add(parent)
        link(objects, item, f"{folder}/{item.path}")
