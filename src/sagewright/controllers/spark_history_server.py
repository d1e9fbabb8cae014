"""Spark history servers, made so: one task each, that ends by itself when nobody looks; then the record goes too.

The task has links to the event logs that the caller may read, followed while it runs, and no network: it is reached
by a Unix socket, and reaches nothing (`sagewright_container.spark.history`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from sagewright.base.errors import Fault, SagewrightError, StaleRecord, Terminal
from sagewright.compute.base import Mount, Resources, Task, TaskState
from sagewright.controllers import health
from sagewright.controllers.athena.ports import Callers
from sagewright.controllers.platform import Platform, tail
from sagewright.controllers.pump import last_lines
from sagewright.controllers.spark_event_logs import EventLogs
from sagewright.controllers.watches import Watches
from sagewright.resources.record import Key, Record
from sagewright.resources.spark_history_server import KIND, LIFE, SESSION, task_id
from sagewright.store.base import Query

ENVIRONMENT: Final = "spark"
SOCKET: Final = "/opt/ml/run/history.sock"
LOGS: Final = "/opt/ml/input/spark-events"
START_TIMEOUT: Final = 120.0
"""Seconds in which it must answer once its task runs."""
KEPT_FAILED: Final = 300.0
"""Seconds for which one that failed says why."""
_STARTING: Final = 0.2
_FOLLOWING: Final = 3.0
_MEMORY: Final = 2 << 30
_GRACE: Final = 5.0


class SparkHistoryServers:
    """The reconciler of `spark-history-server`."""

    kind = KIND
    settled = LIFE.settled

    def __init__(self, platform: Platform, wake: Callable[[Key], None], callers: Callers, *, idle: float) -> None:
        """One that nobody asks for `idle` seconds ends."""
        self._platform, self._callers, self._idle = platform, callers, idle
        self._watch = Watches(platform.engine, wake)

    def tasks(self, record: Record) -> Sequence[str]:
        return [task_id(record)]

    def reconcile(self, record: Record) -> float | None:
        if record.intent == "delete":
            return self._remove(record)
        if record.state == "Failed":
            self._platform.forget(task_id(record))
            left = record.modified + KEPT_FAILED - self._platform.clock.now()
            return left if left > 0 else self._remove(record)
        task = self._platform.engine.inspect(task_id(record))
        if task.phase == "running":
            return self._follow(record, task)
        if record.state == "InService":
            return self._remove(record)  # nobody asked for it any more, or the platform was stopped
        if task.phase == "unknown":
            self._start(record)
            return _STARTING
        lines = tail(last_lines(self._platform, task_id(record)), limit=600)
        raise Terminal(f"Spark's history server did not come up. Its last lines: {lines}")

    def fail(self, record: Record, reason: str) -> None:
        if LIFE.allows(record.state, "fail"):
            self._write(record, "fail", FailureReason=reason, serving=None)

    def _start(self, record: Record) -> None:
        platform, name = self._platform, task_id(record)
        platform.forget(name)
        ml = platform.ml_folder(name)
        (ml / "run").mkdir(parents=True)
        shown = self._followed(record)
        task = Task(
            name,
            ("python", "-m", "sagewright_container.spark.history"),
            {"SAGEWRIGHT_IDLE_S": str(self._idle), "PYTHONUNBUFFERED": "1"},
            platform.environments.ensure(ENVIRONMENT, lambda _line: None),
            ml,
            [Mount(shown, LOGS)],
            Resources(memory_bytes=min(_MEMORY, platform.machine.memory_bytes // 2)),
            network="none",
            hostname="spark-history",
            socket=SOCKET,
            here=True,  # it reads links to the stored files
        )
        platform.engine.start(task)
        self._watch(name, record.key)

    def _follow(self, record: Record, task: TaskState) -> float:
        """It runs. What comes to S3 comes to it; one whose caller may not read that any more ends."""
        self._watch(task_id(record), record.key)
        try:
            self._followed(record)
        except Terminal:
            self._platform.engine.stop(task_id(record), grace=0.0)
            raise
        if record.state == "InService":
            return _FOLLOWING
        socket = self._platform.engine.address(task_id(record))
        if socket is not None and health.ask(socket, "/health") is not None:
            self._write(record, "serve", serving={"task": task_id(record), "socket": str(socket)})
            return _FOLLOWING
        now = self._platform.clock.now()
        if now - (task.started or now) > START_TIMEOUT:
            self._platform.engine.stop(task_id(record), grace=0.0)
        return _STARTING

    def _followed(self, record: Record) -> Path:
        """The folder with the logs as they are now. Raises Terminal with what the caller is to know."""
        root = self._platform.ml_folder(task_id(record)).parent
        try:
            logs = EventLogs(self._callers(record), record.spec["S3Uri"], root)
            logs.follow()
        except (Fault, StaleRecord):
            raise
        except SagewrightError as error:
            raise Terminal(str(error)) from error
        return logs.shown

    def _remove(self, record: Record) -> float | None:
        """The task, who might look at it, and then the record."""
        name, store, key = task_id(record), self._platform.store, record.key
        if self._platform.engine.inspect(name).phase == "running":
            self._platform.engine.stop(name, grace=_GRACE)
            self._watch(name, key)
            return _STARTING
        self._platform.forget(name)
        for session in store.list(Query(key.account, key.region, SESSION, parent=record.uid), limit=10_000).records:
            with suppress(StaleRecord):
                store.delete(session)
        store.delete(record)
        return None

    def _write(self, record: Record, event: str, **told: object) -> None:
        status = {name: value for name, value in {**record.status, **told}.items() if value is not None}
        now = self._platform.clock.now()
        changed = replace(record, state=LIFE.after(record.state, event), status=status, modified=now)
        self._platform.store.update(changed)
