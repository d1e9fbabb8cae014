"""A process to be killed: makes the changes of several clients at once, and says of each when it is durable.

Its standard input has the folder in a line and a line of JSON for each client: [kind, time, value] of each change.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sagewright.base.clock import SystemClock
from sagewright.dataplane.features.changes import Change, Layout, Refused
from sagewright.dataplane.features.store import FeatureFiles

UID = "group"
LAYOUT = Layout("layout", "{}")


async def client(files: FeatureFiles, number: int, changes: Sequence[Any]) -> None:
    for kind, time, value in changes:
        change = Change(kind, str(number), time, {"value": value}, asked=0, offline=LAYOUT)
        with contextlib.suppress(Refused):
            await files.change(UID, change)
        print(number, flush=True)


async def main() -> None:
    files = FeatureFiles(Path(sys.stdin.readline().strip()), SystemClock())
    print("ready", flush=True)
    await asyncio.gather(*(client(files, number, json.loads(line)) for number, line in enumerate(sys.stdin)))


if __name__ == "__main__":
    asyncio.run(main())
