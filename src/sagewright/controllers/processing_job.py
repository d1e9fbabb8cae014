"""Processing jobs, made so: stage the inputs, run a task per host, carry their logs and outputs, say how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.compute.base import TaskState
from sagewright.controllers import metering, processing_output, processing_task, staging, trial_component
from sagewright.controllers.athena.ports import Callers
from sagewright.controllers.host_task import failed_first
from sagewright.controllers.platform import Platform
from sagewright.controllers.processing_output import Outputs
from sagewright.controllers.processing_queries import Queries
from sagewright.controllers.pump import narrator, pump
from sagewright.controllers.room import Room, unsettled_jobs
from sagewright.controllers.watches import Watches
from sagewright.resources.processing_job import KIND, LIFE, LOG_GROUP, hosts, instances, log_stream, task_id
from sagewright.resources.record import Key, Record
from sagewright.resources.training_host import Host

STOP_GRACE: Final = 120.0
"""Seconds between SIGTERM and SIGKILL, as on AWS."""
_GRACE_OF_THE_OTHERS: Final = 10.0
"""The same for hosts of a job that has failed on another one."""
_PLACE: Final = "has_place"
"""Set in the status when the job has its place in the room."""


class ProcessingJobs:
    """The reconciler of processing jobs."""

    kind = KIND
    settled = LIFE.settled

    def __init__(self, platform: Platform, wake: Callable[[Key], None], room: Room, callers: Callers) -> None:
        """`room` is where all kinds of jobs have their places; `callers` are who asks the queries that are inputs."""
        self._platform = platform
        self._queries = Queries(platform, callers)
        self._watch = Watches(platform.engine, wake)
        self._room = room
        room.remember(
            lambda: unsettled_jobs(
                platform.store, KIND, self.settled, types=_types, runs=lambda record: bool(record.status.get(_PLACE))
            )
        )
        self._outputs = Outputs(platform)

    def tasks(self, record: Record) -> Sequence[str]:
        return () if record.state in LIFE.settled else [task_id(record, host) for host in hosts(record)]

    def reconcile(self, record: Record) -> float | None:
        if record.state in LIFE.settled:
            self._room.leave(record)
            for host in hosts(record):
                self._outputs.forget(record, host)
                self._platform.forget(task_id(record, host))
            return None
        begun = self._begun(record)
        missing = [host for host in hosts(record) if host not in begun]
        if not begun or (missing and record.intent != "stop" and not failed_first(begun)):
            return self._begin(record, missing)
        self._room.enter(record, _types(record), always=True)
        if "ProcessingStartTime" not in record.status:  # the server died between the start and writing it down
            record = self._note(record, {"ProcessingStartTime": self._started(begun)})
        if any(task.phase == "running" for task in begun.values()):
            return self._follow(record, begun)
        return self._end(record, begun)

    def fail(self, record: Record, reason: str) -> None:
        if LIFE.allows(record.state, "fail"):
            for host, task in self._begun(record).items():
                self._log(record, host, task)
            self._finish(record, "fail", {"FailureReason": reason[: staging.FAILURE_LIMIT]})
        self._room.leave(record)

    # The phases of a job.

    def _begin(self, record: Record, missing: Sequence[Host]) -> float | None:
        """Hosts are yet to run: stage and start them. Whatever an earlier try left half-done is laid out anew."""
        platform = self._platform
        if record.intent == "stop":
            self._queries.stop(record)
            self._finish(record, "stopped", {})
            self._room.leave(record)
            return None
        processing_task.resolve(platform, record)  # what cannot run does not wait for room
        if not record.status.get(_PLACE) and (pause := self._queries.wait(record)) is not None:
            return pause
        # Whoever had a place when the server died takes it again.
        if not self._room.enter(record, _types(record), always=bool(record.status.get(_PLACE))):
            return None  # it is woken when there is room
        if not record.status.get(_PLACE):
            record = self._note(record, {_PLACE: True})
        tasks = []
        for host in missing:
            mounts = processing_task.fetch_inputs(platform, record, host)
            say = narrator(platform, record, group=LOG_GROUP, stream=log_stream(record, host))
            tasks.append(processing_task.prepare(platform, record, host, mounts, say))
        newest = platform.store.get(record.key)
        if newest is None or newest.intent == "stop":
            return 0.0  # asked to stop meanwhile: look again before anything runs
        for host, task in zip(missing, tasks, strict=True):
            self._outputs.begin(record, host)
            platform.engine.start(task)
            self._watch(task.id, record.key)
        if "ProcessingStartTime" not in newest.status:
            self._note(newest, {"ProcessingStartTime": platform.clock.now()})
        return self._room.pace()

    def _follow(self, record: Record, begun: Mapping[Host, TaskState]) -> float | None:
        """It runs: carry what it says and writes, and stop it when it is to be stopped."""
        for host, task in begun.items():
            self._log(record, host, task)
            if task.phase == "running":
                self._watch(task_id(record, host), record.key)
                processing_task.complete_inputs(self._platform, record, host)
                self._outputs.carry(record, host, task)
        limit = float(record.spec["StoppingCondition"]["MaxRuntimeInSeconds"])
        left = self._started(begun) + limit - self._platform.clock.now()
        # Why it is asked to end is written down first: a script that ends well when it is asked to looks completed.
        if record.intent == "stop":
            self._stop(record, begun, STOP_GRACE)
        elif left <= 0:
            if not record.status.get("out_of_time"):
                record = self._note(record, {"out_of_time": True})
            self._stop(record, begun, STOP_GRACE)
        elif failed_first(begun):
            self._stop(record, begun, _GRACE_OF_THE_OTHERS)
        return min(self._room.pace(), max(left, 0.05))

    def _end(self, record: Record, begun: Mapping[Host, TaskState]) -> float | None:
        """All of it ended: the rest of the log, the outputs, and only then the final state."""
        for host, task in begun.items():
            self._log(record, host, task)
        ends = [task.ended for task in begun.values() if task.ended is not None]
        status = {
            "ProcessingEndTime": max(ends, default=self._platform.clock.now()),
            **processing_output.exit_message(self._platform, record),
        }
        failed = failed_first(begun)
        if record.intent == "stop" or record.status.get("out_of_time"):
            self._outputs.upload(record)
            self._finish(record, "stopped", status)
        elif failed is not None:
            reason = processing_output.failure_reason(self._platform, record, failed, begun[failed])
            self._outputs.upload(record, salvage=True)
            self._finish(record, "fail", {**status, "FailureReason": reason})
        else:
            self._outputs.upload(record)
            self._finish(record, "complete", status)
        self._room.leave(record)
        return None

    # What they are made of.

    def _begun(self, record: Record) -> Mapping[Host, TaskState]:
        found = {host: self._platform.engine.inspect(task_id(record, host)) for host in hosts(record)}
        return {host: task for host, task in found.items() if task.phase != "unknown"}

    def _log(self, record: Record, host: Host, task: TaskState) -> None:
        identity, stream = task_id(record, host), log_stream(record, host)
        pump(self._platform, record, identity, group=LOG_GROUP, stream=stream, ended=task.phase != "running")

    def _stop(self, record: Record, begun: Mapping[Host, TaskState], grace: float) -> None:
        for host, task in begun.items():
            if task.phase == "running":
                self._platform.engine.stop(task_id(record, host), grace=grace)

    def _started(self, begun: Mapping[Host, TaskState]) -> float:
        return min(task.started or self._platform.clock.now() for task in begun.values())

    # Writing the record down. Controllers write status; the state moves by the lifecycle only.

    def _note(self, record: Record, status: Mapping[str, Any]) -> Record:
        changed = {**record.status, **status}
        return self._platform.store.update(replace(record, status=changed, modified=self._platform.clock.now()))

    def _finish(self, record: Record, event: str, status: Mapping[str, Any]) -> None:
        """The final write: state and times."""
        now = self._platform.clock.now()
        known = {"ProcessingEndTime": now, **record.status, **status}
        job = replace(record, state=LIFE.after(record.state, event), status=known, modified=now)
        trial_component.finish(self._platform, job, along=metering.of_processing_job(job))


def _types(record: Record) -> Sequence[str]:
    kind, count = instances(record.spec)
    return [kind] * count
