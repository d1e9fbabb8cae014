"""Log groups and streams, as CloudWatch Logs has them: what tasks print, kept where users look for it.

    DATA/logs/<account>/<region>/<group>/…     see `group`, `stream` and `journal` for what is inside

Names are encoded by `names`, never used as paths. All times are milliseconds since the epoch.
"""

from __future__ import annotations

import heapq
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Final

from sagewright.base.clock import Clock
from sagewright.base.errors import AlreadyExists
from sagewright.base.settings import DEFAULT_ACCOUNT, DEFAULT_REGION
from sagewright.telemetry.group import Group, GroupInfo, NoSuchGroup, NoSuchStream, Order, StreamInfo, describe
from sagewright.telemetry.journal import JournalGone
from sagewright.telemetry.names import file_name
from sagewright.telemetry.opened import Opened
from sagewright.telemetry.stream import FOREVER, Event, EventPage, Mark, Stream

__all__ = [
    "FOREVER",
    "PAGE_EVENTS",
    "Event",
    "EventPage",
    "GroupInfo",
    "Logs",
    "Mark",
    "NoSuchGroup",
    "NoSuchStream",
    "StreamInfo",
]

PAGE_EVENTS: Final = 10_000
PAGE_BYTES: Final = 1 << 20
_DAY: Final = 86_400_000
_GRAVE: Final = ".deleted-"


class Logs:
    """The logs of one account and region; `at` gives those of another. Any thread may call any method.

    What a method wrote is durable when it returns.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        account: str = DEFAULT_ACCOUNT,
        region: str = DEFAULT_REGION,
        opened: Opened | None = None,
    ) -> None:
        self._base = folder
        self._clock = clock
        self._folder = folder / file_name(account) / file_name(region)
        self._lock = threading.RLock()
        self._groups: dict[str, Group] | None = None
        self._opened = Opened() if opened is None else opened
        self._places: dict[tuple[str, str], Logs] = {(account, region): self}

    def at(self, account: str, region: str) -> Logs:
        """The logs of another account and region (these, if they are the ones)."""
        if (account, region) not in self._places:
            other = Logs(self._base, self._clock, account=account, region=region, opened=self._opened)
            other._places = self._places
            return self._places.setdefault((account, region), other)
        return self._places[account, region]

    @property
    def now(self) -> int:
        """Milliseconds since the epoch."""
        return int(self._clock.now() * 1000)

    # Groups.

    def create_group(
        self,
        name: str,
        *,
        kms_key: str | None = None,
        log_class: str = "STANDARD",
        tags: Mapping[str, str] | None = None,
    ) -> GroupInfo:
        """A new, empty group. Raises AlreadyExists."""
        with self._lock:
            if name in self._all():
                raise AlreadyExists(f"log group {name!r} exists")
            info = GroupInfo(name, self.now, kms_key=kms_key, log_class=log_class, tags=dict(tags or {}))
            self._all()[name] = Group.make(self._folder / file_name(name), info, self._opened)
            return info

    def group(self, name: str) -> GroupInfo:
        """Raises NoSuchGroup."""
        return self._group(name).info

    def groups(self, wanted: Callable[[str], bool], *, after: str = "", limit: int = 50) -> Sequence[GroupInfo]:
        """At most `limit` groups whose name is `wanted`, by name, from the first one behind `after`."""
        with self._lock:
            known = self._all()
            names = (name for name in sorted(known) if name > after and wanted(name))
            return [known[name].info for name in islice(names, limit)]

    def change_group(self, name: str, change: Callable[[GroupInfo], GroupInfo]) -> GroupInfo:
        """Replace a group's settings. Raises NoSuchGroup."""
        return self._group(name).change(change)

    def group_size(self, name: str) -> int:
        """Bytes that a group's streams take on disk. Raises NoSuchGroup."""
        return self._group(name).size()

    def delete_group(self, name: str) -> None:
        """Remove a group and all its streams. Raises NoSuchGroup."""
        grave = self._folder / f"{_GRAVE}{os.urandom(6).hex()}"
        with self._lock:
            self._group(name).move(grave)
            del self._all()[name]
        # A crash here leaves the grave, which `_all` sweeps.
        shutil.rmtree(grave, ignore_errors=True)

    # Streams.

    def create_stream(self, group: str, stream: str) -> None:
        """A new, empty stream. Raises AlreadyExists and NoSuchGroup."""
        self._group(group).make_stream(stream, self.now)

    def delete_stream(self, group: str, stream: str) -> None:
        """Remove a stream and its events. Raises NoSuchGroup and NoSuchStream."""
        self._group(group).delete_stream(stream)

    def stream(self, group: str, stream: str) -> StreamInfo:
        """Raises NoSuchGroup and NoSuchStream."""
        return describe(self._group(group).stream(stream))

    def streams(
        self,
        group: str,
        prefix: str = "",
        *,
        order_by: Order = "name",
        descending: bool = False,
        after: tuple[int, str] | None = None,
        limit: int = 50,
    ) -> Sequence[StreamInfo]:
        """At most `limit` streams in order of name, or of their last event's time and then name.

        `after` names the one to go on behind: its last event's time (0 where the order is by name) and its name.
        Raises NoSuchGroup. Only streams that are given are opened, unless the order is by time.
        """
        return self._group(group).describe(prefix, order_by=order_by, descending=descending, after=after, limit=limit)

    # Events.

    def put(self, group: str, stream: str, events: Sequence[tuple[int, str]]) -> None:
        """Append (timestamp, message) pairs. Raises NoSuchGroup and NoSuchStream."""
        with _gone_is_missing(stream):
            self._group(group).stream(stream).put(events, self.now)

    def append_from(self, group: str, stream: str, lines: Sequence[tuple[int, str, int]]) -> None:
        """Go on copying some output: (timestamp, message, source offset right after the line).

        The group and the stream are made if need be. A line of which the source was copied already is left out, so
        a pump that starts at `source_offset`, whenever it was killed, neither loses nor repeats a line. An offset
        of 0 says that a line comes from no source.
        """
        with _gone_is_missing(stream):
            self._made(group, stream).pump(lines, self.now)

    def source_offset(self, group: str, stream: str) -> int:
        """Where to go on reading what `append_from` copies; 0 for streams that are not there."""
        try:
            return self._group(group).stream(stream).source_offset
        except (NoSuchGroup, NoSuchStream):
            return 0

    def events(
        self,
        group: str,
        stream: str,
        start: int = 0,
        end: int = FOREVER,
        mark: Mark | None = None,
        *,
        limit: int = PAGE_EVENTS,
        forward: bool = True,
    ) -> EventPage:
        """A page of a stream's events with start <= timestamp < end, in order of time, of 1 MiB at most.

        With a mark, the events after it (`forward`) or the last ones before it; without, the first or the last.
        Raises NoSuchGroup and NoSuchStream.
        """
        found = self._group(group)
        start = max(start, self._shown_since(found.info))
        with _gone_is_missing(stream):
            return found.stream(stream).page(start, end, mark, limit=limit, max_bytes=PAGE_BYTES, forward=forward)

    def merged(
        self, group: str, names: Sequence[str], start: int = 0, end: int = FOREVER
    ) -> Iterator[tuple[str, Event]]:
        """The events of several streams with start <= timestamp < end, in order of (time, stream, offset).

        They are read as they are asked for. Raises NoSuchGroup and NoSuchStream.
        """
        found = self._group(group)
        start = max(start, self._shown_since(found.info))
        streams = [found.stream(name) for name in sorted(set(names))]
        sources = [_named(each, start, end) for each in streams if (each.last_time or 0) >= start]
        return heapq.merge(*sources, key=lambda pair: (pair[1].timestamp, pair[0], pair[1].mark.offset))

    def names(self, group: str, prefix: str = "") -> Sequence[str]:
        """The names of a group's streams under a prefix, sorted. Raises NoSuchGroup."""
        return self._group(group).names(prefix)

    def expire(self) -> None:
        """Remove what no group shows any more, where that is kept in a database; files keep it."""

    def _shown_since(self, info: GroupInfo) -> int:
        return 0 if info.retention_days is None else self.now - info.retention_days * _DAY

    def _group(self, name: str) -> Group:
        with self._lock:
            try:
                return self._all()[name]
            except KeyError:
                raise NoSuchGroup(name) from None

    def _made(self, group: str, stream: str) -> Stream:
        """The stream, made if need be; another thread may be making it too."""
        with suppress(NoSuchGroup, NoSuchStream):
            return self._group(group).stream(stream)
        with suppress(AlreadyExists):
            self.create_group(group)
        with suppress(AlreadyExists):
            self.create_stream(group, stream)
        return self._group(group).stream(stream)

    def _all(self) -> dict[str, Group]:
        if self._groups is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            found = {}
            for folder in self._folder.iterdir():
                if folder.name.startswith(_GRAVE):
                    shutil.rmtree(folder, ignore_errors=True)
                    continue
                # A folder without settings is a group whose making was cut short: nobody was told of it.
                with suppress(FileNotFoundError, NotADirectoryError):
                    group = Group(folder, self._opened)
                    found[group.info.name] = group
            self._groups = found
        return self._groups


@contextmanager
def _gone_is_missing(stream: str) -> Iterator[None]:
    """A stream that is deleted while it is used is one that is not there."""
    try:
        yield
    except JournalGone as error:
        raise NoSuchStream(stream) from error


def _named(stream: Stream, start: int, end: int) -> Iterator[tuple[str, Event]]:
    # A stream that is deleted while it is read ends there.
    with suppress(JournalGone):
        for event in stream.events(start, end):
            yield stream.name, event
