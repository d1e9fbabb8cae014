"""Reads the log that a supervisor writes: `<epoch milliseconds> <bytes>` and a newline for each line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sagewright.compute.base import LogLine

_BLOCK = 1 << 20
_MOST = 64 << 20
"""Bytes read in one call, about: what a caller gets at once must fit into memory."""


def read(path: Path, offset: int, limit: int) -> Sequence[LogLine]:
    """At most `limit` whole lines from the byte `offset`; empty at the end, or where there is no log."""
    lines: list[LogLine] = []
    rest = b""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            end = offset + _MOST
            while len(lines) < limit and offset < end:
                block = file.read(_BLOCK)
                if not block:
                    break
                pieces = (rest + block).split(b"\n")
                rest = pieces.pop()
                for piece in pieces[: limit - len(lines)]:
                    offset += len(piece) + 1
                    lines.append(_line(piece, offset, lines))
    except FileNotFoundError:
        return ()
    return lines


def _line(piece: bytes, offset: int, before: Sequence[LogLine]) -> LogLine:
    stamp, space, message = piece.partition(b" ")
    if not (space and stamp.isdigit()):  # torn by a crash of the machine: keep what is there
        stamp, message = b"%d" % (before[-1].timestamp_ms if before else 0), piece
    return LogLine(int(stamp), message.decode("utf-8", errors="replace"), offset)
