"""Channels in File and FastFile mode: folders of files.

A small File channel is copied, so its task may change it, as on AWS. A large one shows the stored files themselves,
read-only; so does any FastFile channel.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from sagewright.compute.base import Mount
from sagewright.controllers.channels.channel import Channel
from sagewright.controllers.channels.keeping import link
from sagewright.controllers.channels.listing import Item
from sagewright.controllers.platform import ObjectFiles

COPIED_OBJECTS: Final = 256
COPIED_BYTES: Final = 16 << 20
"""A File channel within both limits is copied: that takes as long as linking it."""
CODE: Final = frozenset({"code", "sm_drivers"})
"""Channels that SDK v3 puts its scripts into, which its start command makes executable. Copied whatever their size."""


def show(
    objects: ObjectFiles, channel: Channel, found: Iterator[Item], folder: Path, shown: Path, *, sealed: bool
) -> Mount | None:
    """Put the objects into `folder`, or have them stand in `shown`, which is to be mounted over it.

    `sealed`: whether a mount can be read-only; where it cannot, all is copied.
    """
    few, rest = _few(found) if channel.mode == "File" else ([], found)
    if not sealed or channel.name in CODE or rest is None:
        _copy(objects, few, rest, folder)
        return None
    shown.mkdir(parents=True)
    _link(objects, chain(few, rest), str(shown))
    return Mount(shown, f"/opt/ml/input/data/{channel.name}")


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


def _copy(objects: ObjectFiles, few: list[Item], rest: Iterator[Item] | None, folder: Path) -> None:
    for item in chain(few, rest or ()):
        target = folder / item.path
        target.parent.mkdir(parents=True, exist_ok=True)
        objects.materialise(item.bucket, item.stored.key, target)


def _link(objects: ObjectFiles, found: Iterator[Item], folder: str) -> None:
    made = {""}
    for item in found:
        parent = item.path.rpartition("/")[0]
        if parent not in made:
            os.makedirs(f"{folder}/{parent}", exist_ok=True)
            made.add(parent)
        link(objects, item, f"{folder}/{item.path}")
