"""One log group: its settings, and the catalogue of its streams.

<folder>/group.json     the settings, replaced whole
<folder>/<stream>.log   a stream (see `stream`); its name is in the file name, or in its header if that is too long
"""

from __future__ import annotations

import logging
import os
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, Literal, NamedTuple

import orjson

from sagewright.base.errors import AlreadyExists, SagewrightError
from sagewright.telemetry.journal import BrokenJournal, sync_folder, write_whole
from sagewright.telemetry.names import file_name, original
from sagewright.telemetry.opened import Opened
from sagewright.telemetry.stream import Stream

_log = logging.getLogger(__name__)
_SETTINGS: Final = "group.json"
_SUFFIX: Final = ".log"

Order = Literal["name", "last"]


class NoSuchGroup(SagewrightError):
    """There is no log group of that name."""


class NoSuchStream(SagewrightError):
    """There is no log stream of that name."""


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """A log group's settings."""

    name: str
    created: int
    """Milliseconds since the epoch."""
    retention_days: int | None = None
    """Events older than this are not shown; None shows them forever."""
    kms_key: str | None = None
    log_class: str = "STANDARD"
    tags: Mapping[str, str] = field(default_factory=dict)


class StreamInfo(NamedTuple):
    """A log stream as it stands. Times are milliseconds since the epoch, None while it is empty."""

    name: str
    created: int
    first: int | None
    last: int | None
    ingested: int | None
    size: int


class Group:
    """A group that is there. Streams are opened when somebody asks for them. Any thread may call any method."""

    def __init__(self, folder: Path, opened: Opened) -> None:
        """Raises FileNotFoundError for a folder that is none, or whose making was cut short."""
        self._folder = folder
        self._opened = opened
        self.info = GroupInfo(**orjson.loads((folder / _SETTINGS).read_bytes()))
        self._lock = threading.RLock()
        self._sorted: list[str] | None = None
        self._gone = False

    @classmethod
    def make(cls, folder: Path, info: GroupInfo, opened: Opened) -> Group:
        """A new, empty group, durable on return."""
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(folder.parent)
        write_whole(folder / _SETTINGS, orjson.dumps(asdict(info)))
        return cls(folder, opened)

    def change(self, change: Callable[[GroupInfo], GroupInfo]) -> GroupInfo:
        """Replace the settings, durable on return."""
        with self._lock:
            self._check()
            info = change(self.info)
            write_whole(self._folder / _SETTINGS, orjson.dumps(asdict(info)))
            self.info = info
            return info

    def move(self, grave: Path) -> None:
        """Take the group out of the way, streams and all, in one step; it can only be removed from there."""
        with self._lock:
            self._check()
            self._gone = True
            self._opened.retire(self._folder)
            self._folder.rename(grave)

    def size(self) -> int:
        """Bytes on disk."""
        with os.scandir(self._folder) as files:
            return sum(file.stat().st_size for file in files if file.name.endswith(_SUFFIX))

    def names(self, prefix: str = "") -> list[str]:
        """The names of the streams that begin with `prefix`, sorted."""
        with self._lock:
            known = self._names()
            end = bisect_right(known, prefix, key=lambda name: name[: len(prefix)])
            return known[bisect_left(known, prefix) : end]

    def stream(self, name: str) -> Stream:
        """Raises NoSuchStream, also for a file that no longer is a stream: that is forgotten; and NoSuchGroup."""
        with self._lock:
            self._check()
            if not self._has(name):
                raise NoSuchStream(name)
            try:
                return self._opened.get(self._folder, name, lambda: Stream(self._path(name)))
            except (BrokenJournal, FileNotFoundError) as error:
                _log.warning("log stream %r cannot be read: %s", name, error)
                self._forget(name)
                raise NoSuchStream(name) from error

    def make_stream(self, name: str, now: int) -> None:
        """A new, empty stream, durable on return. Raises AlreadyExists."""
        with self._lock:
            self._check()
            if self._has(name):
                raise AlreadyExists(f"log stream {name!r} exists")
            self._opened.get(self._folder, name, lambda: Stream.make(self._path(name), name, now))
            insort(self._names(), name)

    def delete_stream(self, name: str) -> None:
        """Raises NoSuchStream."""
        with self._lock:
            self._check()
            if not self._has(name):
                raise NoSuchStream(name)
            self._opened.retire(self._folder, name)
            self._path(name).unlink(missing_ok=True)
            self._forget(name)

    def describe(
        self, prefix: str, *, order_by: Order, descending: bool, after: tuple[int, str] | None, limit: int
    ) -> Sequence[StreamInfo]:
        """At most `limit` streams behind `after`: the (last event's time, name) of one, the time 0 by name."""
        if order_by == "last":
            return _by_time([*self._infos(self.names(prefix))], descending, after, limit)
        names = self.names(prefix)
        if after is not None and descending:
            names = names[: bisect_left(names, after[1])]
        elif after is not None:
            names = names[bisect_right(names, after[1]) :]
        return [*islice(self._infos(reversed(names) if descending else names), limit)]

    def _infos(self, names: Iterator[str] | Sequence[str]) -> Iterator[StreamInfo]:
        for name in names:
            try:
                yield describe(self.stream(name))
            except NoSuchStream:
                continue

    def _names(self) -> list[str]:
        if self._sorted is None:
            files = (file for file in os.listdir(self._folder) if file.endswith(_SUFFIX))
            self._sorted = sorted(name for name in map(self._name_of, files) if name is not None)
        return self._sorted

    def _has(self, name: str) -> bool:
        known = self._names()
        place = bisect_left(known, name)
        return place < len(known) and known[place] == name

    def _name_of(self, file: str) -> str | None:
        name = original(file.removesuffix(_SUFFIX))
        if name is not None:
            return name
        try:
            return Stream(self._folder / file).name
        except BrokenJournal:
            return None

    def _path(self, name: str) -> Path:
        return self._folder / (file_name(name) + _SUFFIX)

    def _forget(self, name: str) -> None:
        known = self._names()
        del known[bisect_left(known, name)]

    def _check(self) -> None:
        if self._gone:
            raise NoSuchGroup(self.info.name)


def describe(stream: Stream) -> StreamInfo:
    """A stream as it stands."""
    return StreamInfo(
        stream.name, stream.created, stream.first_time, stream.last_time, stream.last_ingested, stream.size
    )


def _by_time(
    found: Sequence[StreamInfo], descending: bool, after: tuple[int, str] | None, limit: int
) -> Sequence[StreamInfo]:
    def position(info: StreamInfo) -> tuple[int, str]:
        return info.last or 0, info.name

    ordered = sorted(found, key=position, reverse=descending)
    if after is not None:
        ordered = [info for info in ordered if (position(info) < after if descending else position(info) > after)]
    return ordered[:limit]
