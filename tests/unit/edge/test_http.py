"""Writes that are joined arrive whole and in order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sagewright.edge.http import JoinedWrites


class Recorder:
    """A transport that remembers."""

    def __init__(self) -> None:
        self.calls: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.calls.append(data)

    def writelines(self, pieces: tuple[bytes, ...]) -> None:
        self.calls.append(b"".join(pieces))

    def close(self) -> None:
        self.calls.append(b"closed")


def played(*steps: bytes | None) -> list[bytes]:
    """What reaches the transport; None lets the loop go on."""

    async def play() -> list[bytes]:
        recorder: Any = Recorder()
        writes = JoinedWrites(recorder, asyncio.get_running_loop())
        for step in steps:
            if step is None:
                await asyncio.sleep(0)
            else:
                writes.write(step)
        writes.close()
        return list(recorder.calls)

    return asyncio.run(play())


BIG = b"x" * 100_000


@pytest.mark.parametrize(
    ("steps", "calls"),
    [
        ((b"head", b"body"), [b"headbody"]),
        ((b"head", b"body", b"more"), [b"headbody", b"more"]),
        ((b"head", None, b"body", None), [b"head", b"body"]),
        ((b"head", BIG), [b"head" + BIG]),
        ((BIG, b"tail"), [BIG, b"tail"]),
        ((b"head",), [b"head"]),
        ((b"", b""), []),
    ],
)
def test_joined_writes(steps: tuple[bytes | None, ...], calls: list[bytes]) -> None:
    assert played(*steps) == [*calls, b"closed"]
