"""Pictures to train on, made without a library for images. Run by path: see the fixtures `shapes`."""

from __future__ import annotations

import random
import struct
import zlib
from typing import NamedTuple


def png(rows: list[bytes], channels: int) -> bytes:
    """An image of 8 bits a channel: 1 (grey) or 3 (colour)."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", len(rows[0]) // channels, len(rows), 8, {1: 0, 3: 2}[channels], 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


class Shape(NamedTuple):
    """A square picture with a disc (kind 0), a square (1) or a triangle (2) of a colour of its kind."""

    kind: int
    image: bytes
    mask: bytes
    """One byte a pixel: 0, or 1 + the kind."""
    size: int
    left: int
    top: int
    side: int


def shape(kind: int, seed: int, size: int = 32) -> Shape:
    """One of them, somewhere."""
    chance = random.Random(seed)
    side = chance.randint(size // 3, size // 2)
    left, top = chance.randint(0, size - side), chance.randint(0, size - side)
    ground = bytes(chance.randint(0, 80) for _ in range(3))
    colour = bytes(((230, 60, 60), (60, 230, 60), (70, 70, 240))[kind])

    def inside(x: int, y: int) -> bool:
        across, down = (x - left + 0.5) / side, (y - top + 0.5) / side
        if not (0 <= across < 1 and 0 <= down < 1):
            return False
        return (
            kind == 1
            or (kind == 0 and (across - 0.5) ** 2 + (down - 0.5) ** 2 <= 0.25)
            or (kind == 2 and abs(across - 0.5) <= down / 2)
        )

    drawn = [[inside(x, y) for x in range(size)] for y in range(size)]
    image = png([b"".join(colour if each else ground for each in row) for row in drawn], 3)
    mask = png([bytes((1 + kind) * each for each in row) for row in drawn], 1)
    return Shape(kind, image, mask, size, left, top, side)


def shapes() -> dict[str, list[Shape]]:
    """Shapes of the three kinds in turn: 60 to train on, 15 others to look at."""
    return {
        "train": [shape(number % 3, number) for number in range(60)],
        "validation": [shape(number % 3, 1000 + number) for number in range(15)],
    }
