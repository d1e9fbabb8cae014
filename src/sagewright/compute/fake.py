"""An engine that runs nothing and fails on demand, on whatever clock it is given: for tests of controllers.

clock = ManualClock()
engine = FakeEngine(clock)
engine.plan("train-*", Plan(lines=["epoch 1"], exit_code=1, after=30))
...
engine.advance(30)      # with a ManualClock: moves it, ends what is due, wakes who watches
"""

from __future__ import annotations

import fnmatch
import logging
import re
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from sagewright.base.clock import Clock
from sagewright.base.errors import Fault, Terminal
from sagewright.compute.base import Engine, LogLine, Task, TaskState, Usage
from sagewright.compute.machine import Machine

_LOG = logging.getLogger(__name__)
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")


@runtime_checkable
class _Movable(Protocol):
    def advance(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a task. By default it ends well at once."""

    start_error: Fault | None = None
    """`start` raises it, and no task is made."""
    lines: Sequence[str] = ()
    """Said at once."""
    piece: str = ""
    """Said without a newline, so that it is only seen at the end."""
    after: float | None = 0.0
    """Seconds until it ends by itself; None: never."""
    exit_code: int = 0
    out_of_memory: bool = False
    lost: bool = False
    """Nobody sees how it ends."""
    on_stop: int | None = 143
    """Exit code when it is asked to end; None: it does not heed, and is killed after its grace."""
    last_words: Sequence[str] = ()
    """Said when it is asked to end, if it heeds."""
    address: Path | None = None
    cpus: float = 0.0
    """Processors that it keeps busy."""
    memory_bytes: int = 0


@dataclass(slots=True)
class _Run:
    task: Task
    plan: Plan
    started: float
    state: TaskState
    lines: list[LogLine] = field(default_factory=list)
    due: float | None = None
    """When it ends by itself."""
    kill: float | None = None
    """When its grace is over."""
    wakes: list[Callable[[], None]] = field(default_factory=list)


class FakeEngine(Engine):
    """See the module's text. Every call looks at the clock first, so what is due has happened."""

    name = "fake"

    def __init__(
        self,
        clock: Clock,
        plan: Plan | None = None,
        *,
        cannot: Sequence[str] = (),
        machines: Sequence[Machine] = (Machine(vcpus=2, memory_bytes=8 << 30),),
    ) -> None:
        """`plan` is for tasks that no other plan was made for."""
        self._machines = tuple(machines)
        self._clock = clock
        self._plans: list[tuple[str, Plan]] = [("*", plan or Plan())]
        self._cannot = tuple(cannot)
        self._runs: dict[str, _Run] = {}
        self._guard = threading.RLock()
        self.started: list[Task] = []
        """Every task that was really started, in order: a test that asserts `len(...) == 1` asserts "once"."""
        self.stops: list[tuple[str, float]] = []
        """Every stop that was asked for: id and grace."""

    # -- for tests

    def plan(self, pattern: str, plan: Plan) -> None:
        """What becomes of tasks whose id matches `pattern` (as `fnmatch` does) from now on; the newest wins."""
        self._plans.insert(0, (pattern, plan))

    def advance(self, seconds: float) -> None:
        """Move the clock (which must be movable) and do what is due."""
        if not isinstance(self._clock, _Movable):
            raise TypeError(f"{type(self._clock).__name__} cannot be moved: give the engine a ManualClock.")
        self._clock.advance(seconds)
        self.tick()

    def tick(self) -> None:
        """Do what is due, as every call does."""
        with self._guard:
            wakes = [wake for run in list(self._runs.values()) for wake in self._settle(run)]
        _call(wakes)

    def say(self, task_id: str, *lines: str) -> None:
        """Have a running task print."""
        with self._guard:
            self._say(self._runs[task_id], lines)

    def end(self, task_id: str, exit_code: int = 0, *, out_of_memory: bool = False) -> None:
        """Have a running task end now."""
        self._end_now(task_id, TaskState("exited", exit_code, out_of_memory))

    def lose(self, task_id: str) -> None:
        """Have a running task vanish now."""
        self._end_now(task_id, TaskState("lost"))

    # -- the engine's port

    @property
    def servers(self) -> Literal["one", "machine", "all"]:
        return "machine"

    def cannot(self) -> Sequence[str]:
        return self._cannot

    def machines(self) -> Sequence[Machine]:
        return self._machines

    def start(self, task: Task) -> None:
        if not _ID.fullmatch(task.id):
            raise Terminal(f"{task.id!r} is not a task id.")
        with self._guard:
            if task.id in self._runs:
                return
            plan = next(plan for pattern, plan in self._plans if fnmatch.fnmatchcase(task.id, pattern))
            if plan.start_error is not None:
                raise plan.start_error
            now = self._clock.now()
            run = _Run(task, plan, now, TaskState("running", started=now))
            run.due = None if plan.after is None else now + plan.after
            self._runs[task.id] = run
            self.started.append(task)
            self._say(run, plan.lines)

    def inspect(self, task_id: str) -> TaskState:
        run = self._look(task_id)
        return run.state if run else TaskState("unknown")

    def stop(self, task_id: str, *, grace: float) -> None:
        run = self._look(task_id)
        if run is None or run.state.phase != "running":
            return
        with self._guard:
            self.stops.append((task_id, grace))
            now = self._clock.now()
            if run.plan.on_stop is not None:
                self._say(run, run.plan.last_words)
                wakes = self._finish(run, TaskState("exited", run.plan.on_stop), now)
            else:
                run.kill = min(now + grace, run.kill if run.kill is not None else now + grace)
                wakes = self._settle(run)
        _call(wakes)

    def watch(self, task_id: str, wake: Callable[[], None]) -> None:
        run = self._look(task_id)
        with self._guard:
            if run is not None and run.state.phase == "running":
                run.wakes.append(wake)
                return
        _call([wake])

    def logs(self, task_id: str, *, offset: int, limit: int = 10_000) -> Sequence[LogLine]:
        run = self._look(task_id)
        return run.lines[offset : offset + limit] if run else ()

    def address(self, task_id: str) -> Path | None:
        run = self._look(task_id)
        return run.plan.address if run else None

    def usage(self, task_ids: Collection[str]) -> Mapping[str, Usage]:
        found = {}
        for task_id in task_ids:
            run = self._look(task_id)
            if run is not None and run.state.phase == "running":
                found[task_id] = Usage((self._clock.now() - run.started) * run.plan.cpus, run.plan.memory_bytes)
        return found

    def list(self) -> Sequence[str]:
        self.tick()
        return sorted(self._runs)

    def destroy(self, task_id: str) -> None:
        with self._guard:
            run = self._runs.pop(task_id, None)
        _call(run.wakes if run else ())

    def close(self) -> None:
        with self._guard:
            for run in self._runs.values():
                run.wakes.clear()

    # -- inside

    def _look(self, task_id: str) -> _Run | None:
        self.tick()
        return self._runs.get(task_id)

    def _end_now(self, task_id: str, state: TaskState) -> None:
        with self._guard:
            wakes = self._finish(self._runs[task_id], state, self._clock.now())
        _call(wakes)

    def _settle(self, run: _Run) -> Sequence[Callable[[], None]]:
        """End it if that is due; who is to be woken."""
        if run.state.phase != "running":
            return ()
        now = self._clock.now()
        if run.kill is not None and now >= run.kill and (run.due is None or run.kill < run.due):
            return self._finish(run, TaskState("exited", 137), run.kill)
        if run.due is not None and now >= run.due:
            plan = run.plan
            state = TaskState("exited", plan.exit_code, plan.out_of_memory)
            return self._finish(run, TaskState("lost") if plan.lost else state, run.due)
        return ()

    def _finish(self, run: _Run, state: TaskState, when: float) -> Sequence[Callable[[], None]]:
        if run.plan.piece and state.phase == "exited":
            self._say(run, [run.plan.piece])
        run.state = replace(state, started=run.started, ended=when if state.phase == "exited" else None)
        wakes, run.wakes = run.wakes, []
        return wakes

    def _say(self, run: _Run, lines: Sequence[str]) -> None:
        for line in lines:
            run.lines.append(LogLine(int(self._clock.now() * 1000), line, len(run.lines) + 1))


def _call(wakes: Sequence[Callable[[], None]]) -> None:
    """Outside the lock, for a listener may call the engine."""
    for wake in wakes:
        try:
            wake()
        except Exception:  # noqa: BLE001  # as with any engine, a listener's failure must not stop the others
            _LOG.exception("A listener to the end of a task failed.")
