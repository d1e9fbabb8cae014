"""The files of all groups: opened when somebody asks, a bounded number of them at a time."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sagewright.base.clock import Clock
from sagewright.dataplane.features.changes import Change
from sagewright.dataplane.features.event_time import SECOND
from sagewright.dataplane.features.group_file import Asked, GroupFile, Kept
from sagewright.dataplane.features.recent import ROOM, Recent

_log = logging.getLogger(__name__)
_OPEN: Final = 64
"""Files that are open although nobody is at them."""
_READ_ON_LOOP: Final = 100
"""Records that are read without a thread."""
_COMMITTING: Final = 4
"""Files that are committed to at once."""


class FeatureFiles:
    """Groups are known by the uid of their record, which no later one of the same name has."""

    def __init__(self, folder: Path, clock: Clock, *, alone: bool = False) -> None:
        """`alone`: nobody but this process writes to the files."""
        self._folder, self._clock = folder, clock
        self._recent = Recent(ROOM if alone else 0)
        self._lock = threading.Lock()
        self._open: OrderedDict[str, GroupFile] = OrderedDict()
        self._users: dict[str, int] = {}
        self._outboxes: set[str] = set()
        self._committers = ThreadPoolExecutor(_COMMITTING, "feature-records")
        self._settlers = ThreadPoolExecutor(1, "feature-settler")
        self._closing = threading.Event()

    async def change(self, uid: str, change: Change) -> None:
        """Make a change; durable on return. Changes that wait at the same time share one sync of the disk.

        Raises `changes.Refused`.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()

        def end(error: BaseException | None) -> None:
            self._recent.end(place)
            if future.done():
                return  # nobody waits any more
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(None)

        def tell(error: BaseException | None) -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(end, error)

        await self._opened(uid)
        place = uid, change.identifier
        with self.at(uid) as file:
            self._recent.begin(place)
            if file.add(Asked(change, tell)):
                self._enter(uid)  # it stays open although whoever asked may leave
                self._committers.submit(self._commit, uid, file)
            await future
        if change.offline is not None:
            with self._lock:
                self._outboxes.add(uid)

    def _commit(self, uid: str, file: GroupFile) -> None:
        try:
            file.commit_all()
        finally:
            self._leave(uid)

    async def one(self, uid: str, identifier: str) -> Kept | None:
        """The record, if it is there."""
        place = uid, identifier
        if (kept := self._recent.get(place, self._clock.now() * SECOND)) is not None:
            return kept
        await self._opened(uid)
        file = self._enter(uid)  # not `at`, which takes a fifth of the time that the lookup does
        try:
            kept = file.one(identifier)
        finally:
            self._leave(uid)
        if kept is not None:
            self._recent.keep(place, kept)
        return kept

    async def read(self, uid: str, identifiers: Sequence[str]) -> dict[str, Kept]:
        """Those of the records that are there."""
        if len(identifiers) > _READ_ON_LOOP:
            return await asyncio.to_thread(self._read, uid, identifiers)
        # A few microseconds each: a thread there and back would cost more.
        await self._opened(uid)
        return self._read(uid, identifiers)

    async def listed(self, uid: str, after: int, limit: int, *, deleted: bool) -> Sequence[tuple[int, str]]:
        """Places and identifiers; see `GroupFile.listed`."""

        def read() -> Sequence[tuple[int, str]]:
            with self.at(uid) as file:
                return file.listed(after, limit, deleted=deleted)

        return await asyncio.to_thread(read)

    def _read(self, uid: str, identifiers: Sequence[str]) -> dict[str, Kept]:
        with self.at(uid) as file:
            return file.read(identifiers)

    async def _opened(self, uid: str) -> None:
        """Opening, which may wait for the disk, is nothing for the event loop."""
        if uid not in self._open:
            await asyncio.to_thread(self._open_for_now, uid)

    def _open_for_now(self, uid: str) -> None:
        with self.at(uid):
            pass

    @contextmanager
    def at(self, uid: str) -> Iterator[GroupFile]:
        """The file of a group, open meanwhile."""
        file = self._enter(uid)
        try:
            yield file
        finally:
            self._leave(uid)

    def _enter(self, uid: str) -> GroupFile:
        with self._lock:
            file = self._open.get(uid)
            if file is None:
                file = self._open[uid] = GroupFile(self._folder / uid / "records.db", self._clock)
                if file.unsettled:
                    self._users[uid] = self._users.get(uid, 0) + 1
                    self._settlers.submit(self._settle, uid, file)
            else:
                self._open.move_to_end(uid)
            self._users[uid] = self._users.get(uid, 0) + 1
            return file

    def _leave(self, uid: str) -> None:
        with self._lock:
            self._users[uid] -= 1
            if not self._users[uid]:
                del self._users[uid]
            if len(self._open) > _OPEN:
                idle = next((each for each in self._open if each not in self._users), None)
                if idle is not None:
                    self._open.pop(idle).close()

    def _settle(self, uid: str, file: GroupFile) -> None:
        """Have records that are not in their places move there. Others who write get at least half of the time."""
        try:
            after: int | None = 0
            while after is not None and not self._closing.is_set():
                begun = self._clock.monotonic()
                after = file.settle(after)
                self._closing.wait(self._clock.monotonic() - begun)
        except sqlite3.Error as error:  # whoever opens the file next goes on with it
            _log.warning("records of feature group %s are slower to read than they could be: %s", uid, error)
        finally:
            self._leave(uid)

    def outboxes(self) -> Sequence[str]:
        """The groups whose outboxes have got something, by this process, since this was asked last."""
        with self._lock:
            found, self._outboxes = sorted(self._outboxes), set()
        return found

    def kept(self) -> Sequence[str]:
        """The groups that have a file."""
        return sorted(each.name for each in self._folder.iterdir()) if self._folder.is_dir() else []

    def remove(self, uid: str) -> bool:
        """Remove a group's records, unless somebody is at them: then False."""
        with self._lock:
            if uid in self._users:
                return False
            file = self._open.pop(uid, None)
            if file is not None:
                file.close()
            shutil.rmtree(self._folder / uid, ignore_errors=True)
            return True

    def close(self) -> None:
        """Commit what waits and let go of all files."""
        self._closing.set()
        self._settlers.shutdown()
        self._committers.shutdown()
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()
