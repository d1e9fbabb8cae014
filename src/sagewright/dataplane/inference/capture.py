"""Data capture: what models were asked and what they answered, kept as lines of JSON in S3.

    <DestinationS3Uri>/<endpoint>/<variant>/yyyy/mm/dd/hh/<mm-ss-mmm>-<uuid>.jsonl

A small invocation is a line at once: that takes four microseconds, less than handing it to a thread that wants its turn
at Python's lock. A large one becomes a line on the thread that puts a file for each variant into S3 every few seconds
while there is something. Memory is bounded: when S3 cannot keep up, the oldest captures are dropped, and the log says
how many. A server that is stopped writes all it has; of one that is killed, those of the last few seconds are missing.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol

from sagewright.base.clock import Clock
from sagewright.base.errors import SagewrightError
from sagewright.base.ids import Ids
from sagewright.dataplane.inference.ask import Ask, Reply
from sagewright.dataplane.inference.capture_line import line
from sagewright.dataplane.objects.values import split_uri
from sagewright.resources.data_capture import Settings

_log = logging.getLogger(__name__)

OFTEN: Final = 3.0
"""Seconds that a capture waits until it is put into S3, about."""
_LARGEST_FILE: Final = 4 << 20
"""Bytes of a file that waits no longer."""
ROOM: Final = 64 << 20
"""Bytes that may wait to be put into S3."""
_SMALL: Final = 16 << 10
"""Bytes of an invocation's bodies that become a line at once."""
_LOOK: Final = 0.5
"""Seconds between two looks at which files are due."""


class Keep(Protocol):
    """Puts an object on behalf of a role. Raises SagewrightError, OSError."""

    def __call__(self, role_arn: str, region: str, bucket: str, key: str, data: bytes) -> object: ...


@dataclass(frozen=True, slots=True)
class Captured:
    """A variant whose requests are captured."""

    captures: Captures
    region: str
    to: str
    """The address below which its files go."""
    settings: Settings

    def take(self, ask: Ask, reply: Reply) -> None:
        """Keep this one, if it is one of the percentage that is kept."""
        percentage = self.settings["percentage"]
        if percentage >= 100 or random.random() * 100 < percentage:  # noqa: S311
            self.captures.add(self, ask, reply)


class _Taken(NamedTuple):
    """An invocation that is yet to become a line."""

    of: Captured
    time: float
    ask: Ask
    reply: Reply

    @property
    def size(self) -> int:
        return len(self.ask.body) + len(self.reply.body)


@dataclass(slots=True)
class _File:
    """Lines that go into one object."""

    of: Captured
    time: float
    """Of the first one."""
    due: float
    """By the clock's monotonic time."""
    ids: str
    """What its events' ids begin with: a random UUID, of which only the last part is counted instead."""
    lines: int = 0
    text: bytearray = field(default_factory=bytearray)


class Captures:
    """All methods may be called from any thread. It works from `start` to `close`."""

    def __init__(self, keep: Keep, clock: Clock, ids: Ids, *, room: int = ROOM) -> None:
        self._keep, self._clock, self._ids, self._room = keep, clock, ids, room
        self._lock = threading.Lock()
        self._files: dict[tuple[str, str, int], _File] = {}
        """Those that grow: by where they go, on behalf of whom, in which hour."""
        self._full: deque[_File] = deque()
        self._large: deque[_Taken] = deque()
        self._bytes = self._dropped = 0
        self._some, self._closing = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def of(self, region: str, endpoint: str, variant: str, settings: Settings) -> Captured:
        """For a variant of an endpoint."""
        return Captured(self, region, f"{settings['to']}/{endpoint}/{variant}", settings)

    def add(self, of: Captured, ask: Ask, reply: Reply) -> None:
        taken = _Taken(of, self._clock.now(), ask, reply)
        with self._lock:
            if taken.size <= _SMALL:
                self._write(taken)
            else:
                self._large.append(taken)
                self._bytes += taken.size
            if self._bytes > self._room:
                self._make_room()
        if not self._some.is_set():
            self._some.set()

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="data capture", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Put all there is into S3, and end."""
        self._closing.set()
        self._some.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._some.wait()
            self._closing.wait(_LOOK)
            if not self.work():
                self._some.clear()
                if self.work():  # something came before the last line
                    self._some.set()
        self.work(all_of_it=True)

    def work(self, *, all_of_it: bool = False) -> bool:
        """Make lines of what is large, and put the files that are due, or all of them; called by one thread at a time.
        Whether anything is left."""
        while taken := self._next_large():
            with self._lock:
                self._write(taken)
        now = self._clock.monotonic()
        with self._lock:
            for at in [at for at, file in self._files.items() if all_of_it or file.due <= now]:
                self._full.append(self._files.pop(at))
        while file := self._next_full():
            self._put(file)
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        if dropped:
            _log.warning("%d captures were dropped: there were more than could be put into S3 in time", dropped)
        return bool(self._files or self._large)

    def _next_large(self) -> _Taken | None:
        with self._lock:
            if not self._large:
                return None
            taken = self._large.popleft()
            self._bytes -= taken.size
            return taken

    def _next_full(self) -> _File | None:
        with self._lock:
            if not self._full:
                return None
            file = self._full.popleft()
            self._bytes -= len(file.text)
            return file

    def _make_room(self) -> None:
        """What is oldest goes. With the lock held."""
        while self._bytes > self._room:
            if self._full:
                file = self._full.popleft()
            elif self._large:
                self._bytes -= self._large.popleft().size
                self._dropped += 1
                continue
            else:
                file = self._files.pop(next(iter(self._files)))
            self._bytes -= len(file.text)
            self._dropped += file.lines

    def _write(self, taken: _Taken) -> None:
        """With the lock held."""
        of = taken.of
        at = (of.to, of.settings["role"], int(taken.time // 3600))
        file = self._files.get(at)
        if file is None:
            file = _File(of, taken.time, self._clock.monotonic() + OFTEN, self._ids.uuid()[:-12])
            self._files[at] = file
        text = line(of.settings, f"{file.ids}{file.lines:012x}", taken.time, taken.ask, taken.reply)
        file.text += text
        file.lines += 1
        self._bytes += len(text)
        if len(file.text) > _LARGEST_FILE:
            self._full.append(self._files.pop(at))

    def _put(self, file: _File) -> None:
        of = file.of
        moment = datetime.fromtimestamp(file.time, UTC)
        name = f"{moment:%Y/%m/%d/%H/%M-%S-}{moment.microsecond // 1000:03}-{self._ids.uuid()}.jsonl"
        try:
            bucket, prefix = split_uri(of.to)
            self._keep(of.settings["role"], of.region, bucket, f"{prefix}/{name}", bytes(file.text))
        except (SagewrightError, OSError) as error:
            _log.warning("%d captures for %s are lost: %s", file.lines, of.to, error)
