"""What is known of records without asking their file."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from sagewright.dataplane.features.changes import Change, Refused
from sagewright.dataplane.features.event_time import SECOND
from sagewright.dataplane.features.group_file import Kept
from sagewright.dataplane.features.recent import Recent
from sagewright.dataplane.features.store import FeatureFiles
from sagewright.testing.clock import ManualClock

PLACE = ("group", "1")


def test_what_was_asked_for_is_known_until_it_changes() -> None:
    recent = Recent()
    recent.keep(PLACE, Kept(1, None, b"a"))
    assert recent.get(PLACE, 0) == Kept(1, None, b"a")
    recent.begin(PLACE)
    recent.begin(PLACE)
    recent.keep(PLACE, Kept(1, None, b"a"))  # by who had read it before
    assert recent.get(PLACE, 0) is None
    recent.end(PLACE)
    recent.keep(PLACE, Kept(2, None, b"b"))
    assert recent.get(PLACE, 0) is None
    recent.end(PLACE)
    recent.keep(PLACE, Kept(3, None, b"c"))
    assert recent.get(PLACE, 0) == Kept(3, None, b"c")


def test_what_has_expired_is_not_known() -> None:
    recent = Recent()
    recent.keep(PLACE, Kept(1, 100, b"a"))
    assert recent.get(PLACE, 99) is not None
    assert recent.get(PLACE, 100) is None


def test_those_that_nobody_asked_for_give_way() -> None:
    recent = Recent(room=10_000)
    for number in range(100):
        recent.keep(("group", str(number)), Kept(1, None, bytes(700)))
        assert recent.get(("group", "0"), 0) is not None
    known = [number for number in range(100) if recent.get(("group", str(number)), 0) is not None]
    assert known == [0, *range(91, 100)]


def test_readers_among_writers_never_see_time_run_backwards(tmp_path: Path) -> None:
    """Nor anything but what is in the file when all is quiet."""
    clock = ManualClock()

    async def main() -> None:
        files = FeatureFiles(tmp_path, clock, alone=True)
        chance = random.Random(1)
        seen = [0] * 5
        writing = True

        async def write() -> None:
            for time in range(1, 60):
                identifier = str(chance.randrange(5))
                change = Change(
                    chance.choice(("put", "put", "soft")), identifier, time * SECOND, {"id": identifier}, 0
                )  # fmt: skip
                try:
                    await files.change("group", change)
                except Refused:
                    continue

        async def read() -> None:
            while writing:
                number = chance.randrange(5)
                kept = await files.one("group", str(number))
                if kept is not None:
                    assert kept.time >= seen[number]
                    seen[number] = kept.time
                await asyncio.sleep(0)

        readers = [asyncio.create_task(read()) for _ in range(3)]
        await asyncio.gather(*(write() for _ in range(4)))
        writing = False
        await asyncio.gather(*readers)
        for number in range(5):
            told = await files.one("group", str(number))
            assert told == (await files.read("group", [str(number)])).get(str(number))
        files.close()

    asyncio.run(main())
