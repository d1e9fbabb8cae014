"""One task that is to run for as long as its record says so: MLflow's servers and notebook instances.

The task that may exist is written down (`status["run"]`) before it is started, by who uses this. Here is what becomes
of it: when it hangs, who ended it, what follows it, how it is ended and what goes with the record.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sagewright.compute.base import TaskState
from sagewright.controllers import replacement
from sagewright.controllers.platform import Platform, tail
from sagewright.controllers.pump import last_lines
from sagewright.controllers.watches import Watches
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query

STOP_GRACE: Final = 10.0
"""Seconds between SIGTERM and SIGKILL."""
_ASKED_EVERY: Final = 10.0

Run = Mapping[str, Any]
"""task, attempt, not_before (epoch seconds) where it replaces another, and what its user adds."""


def tasks(record: Record) -> Sequence[str]:
    """The task that may exist because of a record."""
    run = record.status.get("run")
    return [] if run is None else [run["task"]]


class LastingTask:
    """The mechanism; what runs, and when, is said by who uses it."""

    def __init__(
        self,
        platform: Platform,
        wake: Callable[[Key], None],
        *,
        hangs_after: float,
        carry: Callable[[Record, Run, bool], None],
    ) -> None:
        """Without an answer for `hangs_after` seconds, one that served is ended. `carry` takes its log along before it
        is forgotten, and is told whether the task has ended."""
        self._platform, self._hangs_after, self._carry = platform, hangs_after, carry
        self.watch = Watches(platform.engine, wake)
        self._answered: dict[str, tuple[float, float]] = {}
        """By task: when it answered last, and when it was asked last. A new server asks anew."""

    def listen(self, run: Run, answers: Callable[[], bool]) -> bool:
        """It serves. Ask it now and then, by `answers`; one that has hung is ended, and its end is dealt with as any
        other. Whether it was asked just now."""
        now = self._platform.clock.monotonic()
        answered, asked = self._answered.get(run["task"], (now, now - _ASKED_EVERY))
        due = now - asked >= _ASKED_EVERY
        if due:
            answered = now if answers() else answered
            self._answered[run["task"]] = (answered, now)
        if now - answered > self._hangs_after:
            self._platform.engine.stop(run["task"], grace=STOP_GRACE)
        return due

    def ended_by_others(self, run: Run, task: TaskState) -> bool:
        """What others ended before it answered gets a successor, a few times; what ends by itself does not."""
        return replacement.ended_by_others(task) and replacement.may_try_again(run["attempt"])

    def following(self, run: Run, *, since: float) -> Mapping[str, Any]:
        """`attempt` and `not_before` of what takes the place of one that has ended, or hangs from the start. It began
        when it was to, else at `since`."""
        now = self._platform.clock.now()
        attempt, pause = replacement.following(run["attempt"], lasted=now - (run["not_before"] or since))
        return {"attempt": attempt, "not_before": now + pause}

    def ended(self, record: Record, run: Run) -> bool:
        """Ask a run to end; forget it when it has. Whether it is gone."""
        runs = self._platform.engine.inspect(run["task"]).phase == "running"
        self._carry(record, run, not runs)
        if runs:
            self._platform.engine.stop(run["task"], grace=STOP_GRACE)
            self.watch(run["task"], record.key)
            return False
        self.forget(run)
        return True

    def forget(self, run: Run) -> None:
        self._answered.pop(run["task"], None)
        self._platform.forget(run["task"])

    def reason(self, run: Run, what: str) -> str:
        """Why `what` runs there did not come up."""
        lines = tail(last_lines(self._platform, run["task"]), limit=600)
        return f"{what} did not come up. Its last lines: {lines}"

    def remove(self, record: Record, folder: Path, sessions: str) -> None:
        """What it kept, who might look at it (records of the kind `sessions` under it), and then the record."""
        shutil.rmtree(folder, ignore_errors=True)
        store, key = self._platform.store, record.key
        for session in store.list(Query(key.account, key.region, sessions, parent=record.uid), limit=10_000).records:
            store.delete(session)
        store.delete(record)
