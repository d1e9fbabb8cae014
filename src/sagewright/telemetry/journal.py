"""An append-only file of timed lines: what a log stream is kept in.

    {"stream": "job/algo-1-1760000000", …}\\n           the header: made with the file, never changed
    <high> <lateness> <time> <rest>\\n                  one line per entry, in the order of arrival

Times are whole numbers (milliseconds). `high` is the greatest time so far, so it never falls, and a time can be found
by bisection without an index. `lateness` is how far behind `high` any line has been so far: 0 says that the file is in
order of time, and otherwise it bounds where a line of a given time may still be.

What a crash leaves behind is a prefix of what was written: a last line without its newline is none, and is cut off
before the next append.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from sagewright.base.errors import SagewrightError

_FIRST_PIECE: Final = 16 << 10
_PIECE: Final = 256 << 10
_LINE: Final = 4 << 10


class BrokenJournal(SagewrightError):
    """A file that is no journal: its header is gone."""


class JournalGone(SagewrightError):
    """The journal was deleted."""


class Entry(NamedTuple):
    """A line. `offset` is where it begins, `end` where the next one does."""

    high: int
    lateness: int
    time: int
    rest: bytes
    offset: int
    end: int


class Journal:
    """One file. Any thread may call any method; there is one Journal per file and process."""

    def __init__(self, path: Path) -> None:
        """Opens a file that `make` made. Raises BrokenJournal, and FileNotFoundError."""
        self.path = path
        self._lock = threading.Lock()
        self._syncing = threading.Lock()
        self._gone = False
        self.header, self.body = _read_header(path)
        self.end = self._whole_end()
        """Where the last whole line ends: nothing after it is read."""
        self.last = self._last_entry()
        self._synced = self.end
        """Up to where this process need not sync: a line that was there at start is as durable as it will get."""

    @classmethod
    def make(cls, path: Path, header: bytes) -> Journal:
        """A new file with a header (a line without its newline), durable on return."""
        write_whole(path, header + b"\n")
        return cls(path)

    @property
    def high(self) -> int:
        """The greatest time so far; 0 while it is empty."""
        return self.last.high if self.last is not None else 0

    @property
    def in_order(self) -> bool:
        """Whether no line is older than one before it."""
        return self.last is None or self.last.lateness == 0

    def append(self, lines: Sequence[tuple[int, bytes]]) -> int:
        """Write (time, rest) lines, all in one go; `rest` holds no newline. Returns the new end.

        They can be read at once, and survive a crash of this process; a power cut, after `sync`. Raises JournalGone,
        and OSError, after which nothing was written.
        """
        with self._lock:
            if self._gone:
                raise JournalGone(f"{self.path.name} was deleted")
            start, high = self.end, self.high
            lateness = self.last.lateness if self.last is not None else 0
            pieces, position, last = [], start, self.last
            for time, rest in lines:
                high = max(high, time)
                lateness = max(lateness, high - time)
                piece = b"%d %d %d %b\n" % (high, lateness, time, rest)
                last = Entry(high, lateness, time, rest, position, position + len(piece))
                position = last.end
                pieces.append(piece)
            self._write(b"".join(pieces), start)
            self.last, self.end = last, position
            return position

    def _write(self, data: bytes, start: int) -> None:
        try:
            opened = self.path.open("r+b", buffering=0)
        except FileNotFoundError as error:
            raise JournalGone(f"{self.path.name} was deleted") from error
        with opened as file:
            if os.fstat(file.fileno()).st_size > start:
                file.truncate(start)  # a torn line of an earlier life
            view = memoryview(data)
            try:
                file.seek(start)
                while view:
                    view = view[file.write(view) :]
            except OSError:
                file.truncate(start)
                raise

    def sync(self, end: int) -> None:
        """Make everything up to `end` durable. Threads that wait at once share one fsync."""
        with self._syncing:
            if self._synced >= end:
                return
            target = self.end
            try:
                with self.path.open("rb", buffering=0) as file:
                    os.fsync(file.fileno())
            except FileNotFoundError as error:
                raise JournalGone(f"{self.path.name} was deleted") from error
            self._synced = target

    def retire(self) -> None:
        """Refuse appends from now on: the file is about to go."""
        with self._lock:
            self._gone = True

    # Reading. Positions are offsets of lines, `body` and `end` included; the part up to `end` never changes.

    def forward(self, offset: int) -> Iterator[Entry]:
        """The entries from `offset` on, up to the end as it was when the reading began."""
        end = self.end
        size, rest = _FIRST_PIECE, b""
        position = offset
        while position + len(rest) < end:
            rest += self._read(position + len(rest), min(size, end - position - len(rest)))
            lines = rest.split(b"\n")
            rest = lines.pop()
            for line in lines:
                entry = _parse(line, position)
                position += len(line) + 1
                if entry is not None:
                    yield entry
            size = _PIECE

    def backward(self, offset: int) -> Iterator[Entry]:
        """The entries before `offset`, the last one first."""
        size, rest = _FIRST_PIECE, b""
        position = offset
        while position > self.body:
            start = max(self.body, position - size)
            rest = self._read(start, position - start) + rest
            position = start
            lines = rest.split(b"\n")
            # The first may have begun before this piece.
            rest = lines.pop(0) + b"\n" if start > self.body else b""
            at = start + len(rest)
            entries = []
            for line in lines[:-1]:
                entries.append(_parse(line, at))
                at += len(line) + 1
            yield from (entry for entry in reversed(entries) if entry is not None)
            size = _PIECE

    def seek(self, time: int) -> int:
        """The first position before which all lines are older than `time`; found by bisection."""
        low, high = self.body, self.end
        while high - low > _LINE:
            middle = (low + high) // 2
            entry = self._first_after(middle, high)
            if entry is None or entry.high >= time:
                high = middle
            else:
                low = entry.end
        return next((entry.offset for entry in self.forward(low) if entry.high >= time), self.end)

    def _first_after(self, offset: int, limit: int) -> Entry | None:
        """The first entry that begins after `offset` and before `limit`."""
        position, piece = offset, b""
        while b"\n" not in piece:
            if position >= limit:
                return None
            piece = self._read(position, min(_LINE, self.end - position))
            position += len(piece)
        start = position - len(piece) + piece.index(b"\n") + 1
        entry = next(self.forward(start), None) if start < limit else None
        return entry if entry is not None and entry.offset < limit else None

    def _read(self, offset: int, size: int) -> bytes:
        try:
            with self.path.open("rb", buffering=0) as file:
                data = os.pread(file.fileno(), size, offset)
        except FileNotFoundError as error:
            raise JournalGone(f"{self.path.name} was deleted") from error
        if len(data) < size:
            raise JournalGone(f"{self.path.name} was cut while it was read")
        return data

    def _whole_end(self) -> int:
        position = self.path.stat().st_size
        while position > self.body:
            start = max(self.body, position - _PIECE)
            found = self._read(start, position - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            position = start
        return self.body

    def _last_entry(self) -> Entry | None:
        last = next(self.backward(self.end), None)
        # A line that says nothing at the end of the file can only be damage, and is cut off like a torn one.
        self.end = last.end if last is not None else self.body
        return last


def write_whole(path: Path, data: bytes) -> None:
    """Put a small file in place, whole or not at all, durable on return."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_header(path: Path) -> tuple[bytes, int]:
    with path.open("rb") as file:
        header = file.readline()
    if not header.endswith(b"}\n"):
        raise BrokenJournal(f"{path.name} has no header")
    return header[:-1], len(header)


def _parse(line: bytes, offset: int) -> Entry | None:
    try:
        high, lateness, time, rest = line.split(b" ", 3)
        return Entry(int(high), int(lateness), int(time), rest, offset, offset + len(line) + 1)
    except ValueError:
        return None
