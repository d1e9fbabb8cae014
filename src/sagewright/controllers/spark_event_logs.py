"""Event logs of Spark in S3, shown in a folder as its history server reads them, and kept up with.

What Spark leaves beside them stays away: checksums, and what was uploaded of a log while its application still ran,
once there is the whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import orjson

from sagewright.base.errors import Terminal
from sagewright.controllers.channels.keeping import link
from sagewright.controllers.channels.listing import Item
from sagewright.controllers.platform import ObjectFiles
from sagewright.controllers.staging import split_uri
from sagewright.dataplane.objects.values import Stored

MOST: Final = 10_000
"""Files of one history server."""
_RUNNING: Final = ".inprogress"
_FOLDER: Final = "eventlog_v2_"
"""How Spark names the folder of a log that it keeps in several files."""
_LONGEST: Final = 255
"""Bytes of a file's name."""


class EventLogs:
    """The logs below an address, in the folder `logs` below `root`; beside it stands what is known of them."""

    def __init__(self, objects: ObjectFiles, uri: str, root: Path) -> None:
        self._objects, self._uri = objects, uri
        self.shown = root / "logs"
        self._index, self._fresh = root / "logs.json", root / "fresh"

    def follow(self) -> int:
        """Bring the folder up to what is in S3; how many files that is. Raises what the objects raise, and Terminal."""
        self.shown.mkdir(parents=True, exist_ok=True)
        known: dict[str, str] = orjson.loads(self._index.read_bytes()) if self._index.exists() else {}
        bucket, found = self._found()
        marks = {path: _mark(stored) for path, stored in found.items()}
        if marks == known:
            return len(marks)
        for path in known.keys() - marks.keys():
            (self.shown / path).unlink(missing_ok=True)
        shutil.rmtree(self._fresh, ignore_errors=True)
        self._fresh.mkdir()
        for number, (path, mark) in enumerate(marks.items()):
            if known.get(path) != mark:
                self._show(Item(bucket, found[path], path), self._fresh / str(number))
        self._index.write_bytes(orjson.dumps(marks))
        return len(marks)

    def _show(self, item: Item, fresh: Path) -> None:
        """Whoever reads the old one meanwhile keeps it."""
        target = self.shown / item.path
        target.parent.mkdir(exist_ok=True)
        link(self._objects, item, str(fresh))
        os.replace(fresh, target)

    def _found(self) -> tuple[str, Mapping[str, Stored]]:
        bucket, prefix = split_uri(self._uri)
        folder = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        found: dict[str, Stored] = {}
        for stored in self._objects.each(bucket, folder):
            path = stored.key[len(folder) :]
            if not _is_log(path):
                continue
            found[path] = stored
            if len(found) > MOST:
                raise Terminal(f"There are more than {MOST} event logs below {self._uri}: name one of fewer.")
        return bucket, {
            path: stored
            for path, stored in found.items()
            if not (path.endswith(_RUNNING) and path.removesuffix(_RUNNING) in found)
        }


def _is_log(path: str) -> bool:
    """Whether a history server looks at it: a log of one file, or one of the files of a log that is a folder."""
    parts = path.split("/")
    if len(parts) != (2 if parts[0].startswith(_FOLDER) else 1) or "\0" in path:
        return False
    return all(part[:1] not in ("", ".", "_") and len(part.encode()) <= _LONGEST for part in parts)


def _mark(stored: Stored) -> str:
    """Another one when the bytes are others."""
    if stored.path is not None:
        return stored.path.name
    if stored.data is not None:
        return hashlib.sha256(stored.data).hexdigest()
    return str(stored.size)
