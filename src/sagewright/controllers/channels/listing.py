"""Which objects a host gets of a channel, in which order, and where they stand below the channel's folder."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import PurePosixPath
from typing import TypeVar

from sagewright.controllers.channels import manifests
from sagewright.controllers.channels.channel import Channel, Host
from sagewright.controllers.channels.told import failed, nothing_found, told
from sagewright.controllers.platform import ObjectFiles
from sagewright.controllers.staging import read_object, relative_to_prefix
from sagewright.dataplane.objects.values import Stored

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Item:
    """An object of a channel."""

    bucket: str
    stored: Stored
    path: str
    """Below the channel's folder; never leads out of it."""


def items(objects: ObjectFiles, channel: Channel, *, region: str) -> Iterator[Item]:
    """The objects of a prefix or a manifest, in the order of their keys or of the manifest. Raises Terminal: also when
    there are none."""
    with told(channel):
        found = _of_manifest(objects, channel) if channel.kind == "ManifestFile" else _of_prefix(objects, channel)
        first = next(found, None)
        if first is None:
            raise nothing_found(channel, region)
        yield first
        yield from found


def dealt(found: Iterator[T], channel: Channel, host: Host) -> Iterator[T]:
    """What a host gets of them: all, or every n-th where they are dealt. A seed shuffles before they are."""
    if not channel.sharded or host.count == 1:
        return found
    if channel.seed is not None:
        found = iter(shuffled(list(found), channel.seed))
    first = next(found, None)  # whatever is wrong with the channel is wrong for every host
    return islice(chain(() if first is None else (first,), found), host.index, None, host.count)


def shuffled(found: list[T], seed: int) -> Sequence[T]:
    """In the order that a seed gives."""
    random.Random(seed).shuffle(found)  # noqa: S311  # the same each time is what is wanted
    return found


def units(objects: ObjectFiles, channel: Channel) -> Iterator[Sequence[Item | bytes]]:
    """For each line of an augmented manifest what is sent for it. Raises Terminal."""
    with told(channel):
        count = 0
        for pieces in manifests.lines(read_object(objects, *channel.address), channel):
            count += 1
            yield [piece if isinstance(piece, bytes) else _item(objects, *piece) for piece in pieces]
        if not count:
            raise failed(channel, "the augmented manifest has no lines.")


def _item(objects: ObjectFiles, bucket: str, key: str) -> Item:
    return Item(bucket, objects.stored(bucket, key), key)


def _of_prefix(objects: ObjectFiles, channel: Channel) -> Iterator[Item]:
    bucket, prefix = channel.address
    for stored in objects.each(bucket, prefix):
        if not stored.key.endswith("/"):  # consoles make such empty objects to show a folder
            yield Item(bucket, stored, _inside(relative_to_prefix(stored.key, prefix), channel))


def _of_manifest(objects: ObjectFiles, channel: Channel) -> Iterator[Item]:
    bucket, prefix, names = manifests.manifest(read_object(objects, *channel.address), channel)
    for name in dict.fromkeys(names):
        yield Item(bucket, objects.stored(bucket, prefix + name), _inside(name, channel))


def _inside(relative: str, channel: Channel) -> str:
    if "/" not in relative and relative not in ("", ".", "..") and "\0" not in relative:
        return relative  # nearly all are such, and a channel may hold a million
    parts = PurePosixPath(relative.lstrip("/")).parts
    if not parts or ".." in parts or "\0" in relative:
        raise failed(channel, f"the key {relative!r} cannot be a file below the channel's folder.")
    return "/".join(parts)
