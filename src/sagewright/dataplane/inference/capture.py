"""Data capture: what models were asked and what they answered, kept as lines of JSON in S3.

    <DestinationS3Uri>/<endpoint>/<variant>/yyyy/mm/dd/hh/<mm-ss-mmm>-<uuid>.jsonl

An invocation only appends to a list. One thread makes lines of what is in it, a few at a time so that requests are not
held up, and puts a file for each variant into S3 every few seconds while there is something. Memory is bounded: when S3
cannot keep up, the oldest captures are dropped, and the log says how many. A server that is stopped writes all it has;
of one that is killed, the captures of the last few seconds are missing.
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
"""Bytes of bodies that may wait to become lines."""
_AT_A_TIME: Final = 512 << 10
"""Bytes of bodies that become lines before requests have their turn."""
_EACH: Final = 1 << 12
"""Bytes that an invocation counts for beside its bodies."""
_GATHER: Final = 0.5
"""Seconds between two looks at what came: to wake costs more than to make a line."""
_BREATH: Final = 0.005


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
    of: Captured
    time: float
    ask: Ask
    reply: Reply
    size: int


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
        self._waiting: deque[_Taken] = deque()
        self._bytes = self._dropped = 0
        self._some, self._closing = threading.Event(), threading.Event()
        self._files: dict[tuple[str, str, int], _File] = {}
        """By where they go, on behalf of whom, in which hour."""
        self._thread: threading.Thread | None = None

    def of(self, region: str, endpoint: str, variant: str, settings: Settings) -> Captured:
        """For a variant of an endpoint."""
        return Captured(self, region, f"{settings['to']}/{endpoint}/{variant}", settings)

    def add(self, of: Captured, ask: Ask, reply: Reply) -> None:
        size = len(ask.body) + len(reply.body) + _EACH
        taken = _Taken(of, self._clock.now(), ask, reply, size)
        with self._lock:
            self._waiting.append(taken)
            self._bytes += size
            while self._bytes > self._room:
                self._bytes -= self._waiting.popleft().size
                self._dropped += 1
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
            self._some.wait(self._patience())
            self._closing.wait(_GATHER)
            self._some.clear()
            self.work()
        self.work(all_of_it=True)

    def _patience(self) -> float | None:
        """Seconds until a file is due; None where there is none."""
        due = min((file.due for file in self._files.values()), default=None)
        return None if due is None else max(0.0, due - self._clock.monotonic())

    def work(self, *, all_of_it: bool = False) -> None:
        """Make lines of what waits, and put the files that are due, or all of them; called by one thread at a time."""
        while batch := self._batch():
            for taken in batch:
                self._write(taken)
            if not all_of_it:
                self._closing.wait(_BREATH)
        now = self._clock.monotonic()
        for at in [at for at, file in self._files.items() if all_of_it or file.due <= now]:
            self._put(self._files.pop(at))
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        if dropped:
            _log.warning("%d captures were dropped: there were more than could be put into S3 in time", dropped)

    def _batch(self) -> list[_Taken]:
        batch: list[_Taken] = []
        size = 0
        with self._lock:
            while self._waiting and size < _AT_A_TIME:
                batch.append(self._waiting.popleft())
                size += batch[-1].size
            self._bytes -= size
        return batch

    def _write(self, taken: _Taken) -> None:
        of = taken.of
        at = (of.to, of.settings["role"], int(taken.time // 3600))
        file = self._files.get(at)
        if file is None:
            file = _File(of, taken.time, self._clock.monotonic() + OFTEN, self._ids.uuid()[:-12])
            self._files[at] = file
        file.text += line(of.settings, f"{file.ids}{file.lines:012x}", taken.time, taken.ask, taken.reply)
        file.lines += 1
        if len(file.text) > _LARGEST_FILE:
            self._put(self._files.pop(at))

    def _put(self, file: _File) -> None:
        of = file.of
        moment = datetime.fromtimestamp(file.time, UTC)
        name = f"{moment:%Y/%m/%d/%H/%M-%S-}{moment.microsecond // 1000:03}-{self._ids.uuid()}.jsonl"
        try:
            bucket, prefix = split_uri(of.to)
            self._keep(of.settings["role"], of.region, bucket, f"{prefix}/{name}", bytes(file.text))
        except (SagewrightError, OSError) as error:
            _log.warning("%d captures for %s are lost: %s", file.lines, of.to, error)
