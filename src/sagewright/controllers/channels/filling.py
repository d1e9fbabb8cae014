"""Filling the piles of large channels while their task already runs.

A job does not wait until a channel of a million objects is listed: it starts when the first of them are there. Who
reads the pile waits for what it wants. A server that was killed goes on from what is in the pile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Final

from sagewright.base.errors import SagewrightError
from sagewright.controllers.background import Background
from sagewright.controllers.channels.keeping import Pile
from sagewright.controllers.channels.listing import Item
from sagewright.controllers.platform import ObjectFiles

_log = logging.getLogger(__name__)

AT_ONCE: Final = 200
"""Objects that are there before the task starts: what is wrong with a channel mostly shows by then."""

Failed = Callable[[str], None]
"""Told why a channel cannot be completed."""


class Filling:
    """Fills the piles of one server's tasks."""

    def __init__(
        self, background: Background, objects: ObjectFiles, failed: Failed, *, sealed: bool, whole: bool = False
    ) -> None:
        """`sealed`: whether piles are shown read-only. `whole`: nothing that comes later is seen by the tasks."""
        self._background, self._objects, self._failed, self._sealed = background, objects, failed, sealed
        self.whole = whole

    def pile(self, folder: Path, *, resume: bool = False) -> Pile:
        """A pile to fill at once, or to complete."""
        return Pile(folder, resume=resume, sealed=self._sealed)

    def begin(self, folder: Path, found: Iterator[Item]) -> None:
        """Make a pile of the objects: the first now, the others soon. Raises what is wrong with the first."""
        pile = self.pile(folder)
        try:
            begun = 0
            for item in found if self.whole else islice(found, AT_ONCE):
                pile.add(self._objects, item)
                begun += 1
            if all_there := self.whole or begun < AT_ONCE:
                pile.end()
            pile.flush()
        except BaseException:
            pile.close()
            raise
        if all_there:
            pile.close()
        else:
            self._background.start(str(folder), lambda stop: self._go_on(pile, found, stop))

    def going_on(self, folder: Path) -> bool:
        """Whether this server is filling a pile."""
        return self._background.running(str(folder))

    def resume(self, folder: Path, found: Iterator[Item]) -> None:
        """Complete a pile that another server began; `found` is the same objects from their beginning."""
        pile = self.pile(folder, resume=True)
        rest = (item for item in found if item.stored.key > pile.last)
        self._background.start(str(folder), lambda stop: self._go_on(pile, rest, stop))

    def _go_on(self, pile: Pile, found: Iterator[Item], stop: Event) -> None:
        try:
            for item in found:
                if stop.is_set():
                    return
                pile.add(self._objects, item)
            pile.end()
        except (SagewrightError, OSError) as problem:
            _log.warning("a channel could not be completed: %s", problem)
            pile.fail(str(problem))
            self._failed(str(problem))
        finally:
            pile.close()
