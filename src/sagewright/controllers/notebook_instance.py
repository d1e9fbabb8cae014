"""Notebook instances, made so: one task each, from the start to the stop, started anew when it ends in between.

Only the volume outlives a stop: `DATA/notebooks/<uid>`. The task that may exist is written down (`status["run"]`)
before it is started; each has a serial number that the instance never gave before. Where requests go is
`status["serving"]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sagewright.base.errors import Terminal
from sagewright.controllers import (
    health,
    lasting_task,
    metering,
    notebook_idle,
    notebook_log,
    notebook_task,
    staging,
)
from sagewright.controllers.lasting_task import LastingTask, Run
from sagewright.controllers.platform import Platform
from sagewright.controllers.room import Room
from sagewright.resources.notebook_instance import KIND, LIFE, SESSION
from sagewright.resources.record import Key, Record

START_TIMEOUT: Final = 1200.0
"""Seconds in which JupyterLab must answer: scripts have five minutes each, repositories too."""
HANGS_AFTER: Final = 120.0
"""Seconds without an answer after which an instance that served is started anew."""
_STARTING: Final = 0.1
_SERVING: Final = 1.0
_REASON: Final = 1024
"""Characters of a FailureReason."""
_NO_CAPACITY: Final = (
    "Unable to provision the requested ML compute capacity: {} does not fit beside what runs on these machines, which "
    "work with --capacity strict. Choose a smaller instance type, or try again later."
)


class NotebookInstances:
    """The reconciler of `notebook-instance`."""

    kind = KIND
    settled = LIFE.settled

    def __init__(
        self,
        platform: Platform,
        wake: Callable[[Key], None],
        room: Room,
        folder: Path,
        *,
        idle: float = 0.0,
        docker: Path | None = None,
    ) -> None:
        """`folder` holds the volumes; an instance that nobody uses for `idle` seconds is stopped, never for 0. `docker`
        is the socket of a container engine that instances are shown."""
        self._platform, self._room, self._folder, self._idle = platform, room, folder, idle
        self._docker = docker
        self._lasting = LastingTask(platform, wake, hangs_after=HANGS_AFTER, carry=self._carry)
        room.remember(self._known, turns=False)

    def _known(self) -> Iterator[tuple[Record, Sequence[str], bool]]:
        if self._room.strict:
            for record in self._platform.store.unsettled(KIND, self.settled):
                yield record, [record.spec["InstanceType"]], record.status.get("run") is not None

    def tasks(self, record: Record) -> Sequence[str]:
        return lasting_task.tasks(record)

    def reconcile(self, record: Record) -> float | None:
        run: Run | None = record.status.get("run")
        if record.intent == "delete":
            return self._delete(record, run)
        if record.state == "Stopping":
            return self._stop(record, run)
        if record.state == "Updating":
            self._write(
                record, state=LIFE.after("Updating", "updated"), status={**record.status, "FailureReason": None}
            )
            return None
        if record.state in self.settled:
            self._rest(record, run)
            return None
        types = [record.spec["InstanceType"]]
        if not self._room.occupy(record, types, always=run is not None):
            raise Terminal(_NO_CAPACITY.format(types[0]))
        if run is None:
            record = self._plan(record)
        elif run["generation"] != record.spec["generation"]:
            if not self._lasting.ended(record, run):
                return _STARTING
            record = self._plan(record)
        return self._look(record, record.status["run"])

    def fail(self, record: Record, reason: str) -> None:
        if record.intent == "delete" or not LIFE.allows(record.state, "fail"):
            return
        if run := record.status.get("run"):
            notebook_log.carry(self._platform, record, run)
        notebook_log.say(self._platform, record, reason)
        status = {**record.status, "serving": None, "FailureReason": reason[:_REASON]}
        # The task is forgotten by the look that this write asks for: not before it is written down.
        self._write(record, state=LIFE.after(record.state, "fail"), status=status)

    # What is wanted.

    def _plan(self, record: Record, *, attempt: int = 1, not_before: float = 0.0) -> Record:
        """Write down the next run before it is started."""
        serial = record.status.get("serial", 0) + 1
        run = {
            "task": f"notebook-{record.uid}-{serial}",
            "serial": serial,
            "attempt": attempt,
            "generation": record.spec["generation"],
            "bases": notebook_log.bases(self._platform, record),
            "not_before": not_before,
        }
        status = {**record.status, "serving": None, "FailureReason": None, "run": run, "serial": serial}
        return self._write(record, status=status)

    # What is.

    def _look(self, record: Record, run: Run) -> float | None:
        task = self._platform.engine.inspect(run["task"])
        notebook_log.carry(self._platform, record, run)
        if task.phase == "unknown":
            delay: float = run["not_before"] - self._platform.clock.now()
            if delay <= 0:
                self._start(record, run)
            return max(delay, _STARTING)
        serves = record.status.get("serving", {}).get("task") == run["task"]
        if task.phase == "running":
            self._lasting.watch(run["task"], record.key)
            if serves:
                return self._listen(record, run)
            if self._answers(run):
                return self._serve(record, run)
            started = task.started or self._platform.clock.now()
            if self._platform.clock.now() - started <= START_TIMEOUT:
                return _STARTING
        told = staging.read_inside(self._platform.ml_folder(run["task"]), "output/failure", limit=_REASON)
        if told or not (serves or self._lasting.ended_by_others(run, task)):
            raise Terminal(told or self._lasting.reason(run, "JupyterLab"))
        self._replace(record, run)
        return 0.0

    def _start(self, record: Record, run: Run) -> None:
        volume = self._folder / record.uid
        task = notebook_task.task(
            self._platform,
            record,
            run["task"],
            volume,
            lambda line: notebook_log.say(self._platform, record, line),
            docker=self._docker,
        )
        self._platform.engine.start(task)
        self._lasting.watch(task.id, record.key)

    def _answers(self, run: Run) -> bool:
        socket = self._platform.engine.address(run["task"])
        return socket is not None and health.ask(socket, "/api") is not None

    def _serve(self, record: Record, run: Run) -> float:
        """It answers: requests go there."""
        socket = self._platform.engine.address(run["task"])
        assert socket is not None
        now = self._platform.clock.now()
        serving = {"task": run["task"], "socket": str(socket)}
        status = {**record.status, "serving": serving, "created": True, "since": record.status.get("since", now)}
        state = LIFE.after(record.state, "serve") if LIFE.allows(record.state, "serve") else record.state
        self._write(record, state=state, status={**status, "used": now})
        return _SERVING

    def _listen(self, record: Record, run: Run) -> float:
        """It serves. Ask it now and then: one that has hung is ended, one that nobody uses is stopped."""
        if self._lasting.listen(run, lambda: self._answers(run)) and self._idle and self._is_idle(record, run):
            said = f"Nobody used it for {self._idle / 60:g} minutes (--notebook-idle): it stops."
            notebook_log.say(self._platform, record, said)
            self._write(record, state=LIFE.after(record.state, "stop"), status={**record.status, "serving": None})
            return 0.0
        return min(_SERVING, self._idle / 4) if self._idle else _SERVING

    def _is_idle(self, record: Record, run: Run) -> bool:
        socket, now = self._platform.engine.address(run["task"]), self._platform.clock.now()
        if socket is None:
            return False
        return now - notebook_idle.last_used(socket, record.status.get("used", now), now) >= self._idle

    def _replace(self, record: Record, run: Run) -> None:
        """It has ended, or hangs from the start: another takes its place, later each time it happens soon."""
        self._plan(record, **self._lasting.following(run, since=record.modified))
        # Only now: were it forgotten and still in the record, it would be started a second time.
        self._lasting.forget(run)

    # The end.

    def _stop(self, record: Record, run: Run | None) -> float | None:
        if "serving" in record.status:
            record = self._write(record, status={**record.status, "serving": None})
        if run is not None and not self._lasting.ended(record, run):
            return _STARTING
        self._write(record, state=LIFE.after("Stopping", "stopped"), status={**record.status, "run": None})
        self._room.leave(record)
        return None

    def _rest(self, record: Record, run: Run | None) -> None:
        """Nothing of it is to run."""
        self._room.leave(record)
        if run is not None:
            self._lasting.forget(run)
            self._write(record, status={**record.status, "run": None})

    def _delete(self, record: Record, run: Run | None) -> float | None:
        """The task, the volume, who might look at it, and then the record."""
        if run is not None and not self._lasting.ended(record, run):
            return _STARTING
        self._room.leave(record)
        self._lasting.remove(record, self._folder / record.uid, SESSION)
        return None

    def _carry(self, record: Record, run: Run, _ended: bool) -> None:
        notebook_log.carry(self._platform, record, run)

    def _write(self, record: Record, *, state: str | None = None, status: Mapping[str, Any]) -> Record:
        """What it used goes into the ledger with the write that ends its use."""
        state = state or record.state
        ends = state in self.settled and "since" in record.status
        entry = metering.of_notebook(record, self._platform.clock.now()) if ends else ()
        kept = {name: each for name, each in status.items() if each is not None and not (ends and name == "since")}
        changed = replace(record, state=state, status=kept)
        if changed == record:
            return record
        if changed.state != record.state:
            changed = replace(changed, modified=self._platform.clock.now())
        return self._platform.store.write([("update", changed), *entry])[0]
