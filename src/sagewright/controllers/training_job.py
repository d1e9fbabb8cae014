"""Training jobs, made so: stage the inputs, run a task per host, carry their logs, keep the model, say how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.compute.base import TaskState
from sagewright.controllers import (
    metering,
    mirrors,
    pending,
    staging,
    training_output,
    training_task,
    training_times,
    trial_component,
    warm_pools,
)
from sagewright.controllers.host_task import failed_first
from sagewright.controllers.platform import Platform
from sagewright.controllers.pump import final_metrics, narrator, pump
from sagewright.controllers.room import Room, unsettled_jobs
from sagewright.controllers.training_story import transition
from sagewright.controllers.watches import Watches
from sagewright.resources import tries
from sagewright.resources.record import Key, Record
from sagewright.resources.training_host import Host, hosts, log_stream, task_id
from sagewright.resources.training_job import KIND, LIFE, LOG_GROUP

STOP_GRACE: Final = 120.0
"""Seconds between SIGTERM and SIGKILL, as on AWS."""
_GRACE_OF_THE_OTHERS: Final = 10.0
"""The same for hosts of a job that has failed on another one."""
_BEFORE: Final = (*pending.NO_PLACE_YET, "Restarting", "Downloading", "DownloadingTrainingImage")
"""What a job says until its tasks run."""

_PENDING_TOO_LONG: Final = "Training job stopped: it waited for room longer than MaxPendingTimeInSeconds"


class TrainingJobs:
    """The reconciler of training jobs."""

    kind = KIND
    settled = LIFE.settled

    def __init__(self, platform: Platform, wake: Callable[[Key], None], room: Room) -> None:
        """`room` is where all kinds of jobs have their places."""
        self._platform = platform
        self._watch = Watches(platform.engine, wake)
        self._room = room
        room.remember(
            lambda: unsettled_jobs(platform.store, KIND, self.settled, types=_types, runs=pending.has_a_place)
        )
        self._carrier = mirrors.Carrier(platform.clock)

    def tasks(self, record: Record) -> Sequence[str]:
        return () if record.state in LIFE.settled else [task_id(record, host) for host in hosts(record)]

    def reconcile(self, record: Record) -> float | None:
        if record.state in LIFE.settled:
            self._room.leave(record)
            for host in hosts(record):
                self._carrier.forget(task_id(record, host))
                self._platform.forget(task_id(record, host))
            return None
        found = {host: self._platform.engine.inspect(task_id(record, host)) for host in hosts(record)}
        begun = {host: task for host, task in found.items() if task.phase != "unknown"}
        missing = [host for host in found if host not in begun]
        if not begun or (missing and record.intent != "stop" and not failed_first(begun)):
            return self._begin(record, missing)
        self._room.enter(record, _types(record), always=True)
        if record.status["SecondaryStatus"] in _BEFORE:  # the server died between the start and writing it down
            record = self._say(record, "Training", self._beginning(record, self._started(begun)))
        if any(task.phase == "running" for task in begun.values()):
            return self._follow(record, begun)
        return self._end(record, begun)

    def fail(self, record: Record, reason: str) -> None:
        if LIFE.allows(record.state, "fail"):
            found = {host: self._platform.engine.inspect(task_id(record, host)) for host in hosts(record)}
            begun = {host: task for host, task in found.items() if task.phase != "unknown"}
            times = self._over(record, begun, "ended") if begun else {}
            self._finish(record, "fail", "Failed", {**times, "FailureReason": reason[: staging.FAILURE_LIMIT]})
        self._room.leave(record)

    # The three phases of a job.

    def _begin(self, record: Record, missing: Sequence[Host]) -> float | None:
        """Hosts are yet to run: stage and start them. Whatever an earlier try left half-done is laid out anew."""
        platform = self._platform
        if record.intent == "stop":
            self._finish(record, "stopped", "Stopped", {})
            self._room.leave(record)
            return None
        left, limit = training_times.left(record, None, platform.clock.now())
        if left <= 0:
            self._finish(self._say(record, "Stopping"), "stopped", limit, {})
            self._room.leave(record)
            return None
        if record.status["SecondaryStatus"] == "Interrupted":
            record = self._say(record, "Starting")
        runtime = training_task.resolve(platform, record)
        record = warm_pools.taken(platform, record, self._room)
        # Whoever had a place when the server died takes it again.
        if not self._room.enter(record, _types(record), always=pending.has_a_place(record)):
            return self._wait(record)
        record = self._say(record, "Downloading", warm_pools.in_use(record))
        mounts = {host: training_task.fetch_inputs(platform, record, host) for host in missing}
        if runtime is None or not platform.environments.ready(runtime.environment):
            record = self._say(record, "DownloadingTrainingImage")
        tasks = []
        for host in missing:
            say = narrator(platform, record, group=LOG_GROUP, stream=log_stream(record, host))
            tasks.append(training_task.prepare(platform, record, host, mounts[host], say))
        newest = platform.store.get(record.key)
        if newest is None or newest.intent == "stop":
            return 0.0  # asked to stop meanwhile: look again before anything runs
        for task in tasks:
            self._carrier.begin(task.id, platform.ml_folder(task.id), mirrors.mirrors(record))
            platform.engine.start(task)
            self._watch(task.id, record.key)
        self._say(newest, "Training", self._beginning(newest, platform.clock.now()))
        return self._room.pace()

    def _wait(self, record: Record) -> float | None:
        """There is no room for it yet. It is woken when there is, so it says once that it waits, and once more when
        others pass it."""
        left = pending.seconds_left(record, self._platform.clock.now())
        if left is not None and left <= 0:
            self._finish(record, "stopped", "Stopped", {}, _PENDING_TOO_LONG)
            self._room.leave(record)
            return None
        sentence = self._room.waits_for(record, _types(record))
        if record.status["SecondaryStatus"] != pending.PENDING:
            self._note_status(record, transition(record, pending.PENDING, self._platform.clock.now(), sentence))
        elif self._room.is_passed(record) and not record.status.get("passed"):
            self._note_status(record, {**pending.told(record, sentence), "passed": True})
        return left

    def _follow(self, record: Record, begun: Mapping[Host, TaskState]) -> float | None:
        """It runs: carry what it says and keeps, and stop it when it is to be stopped."""
        for host, task in begun.items():
            self._watch(task_id(record, host), record.key)
            if task.phase == "running":
                training_task.complete_inputs(self._platform, record, host)
        record = self._carry(record, begun)
        now = self._platform.clock.now()
        left, limit = training_times.left(record, self._started(begun), now)
        interruption = tries.interruption(record)
        # Why it is asked to end is written down first: a script that ends well when it is asked to looks completed.
        if record.intent == "stop":
            self._say(record, "Stopping")
            self._stop(record, begun, STOP_GRACE)
        elif left <= 0:
            self._say(record, "Stopping", {"out_of_time": record.status.get("out_of_time", limit)})
            self._stop(record, begun, STOP_GRACE)
        elif interruption is not None:  # written down by who asked for it
            self._stop(record, begun, max(interruption.told + interruption.warning - now, 0.0))
        elif failed_first(begun):
            self._stop(record, begun, _GRACE_OF_THE_OTHERS)
        return min(self._room.pace(), max(left, 0.05))

    def _end(self, record: Record, begun: Mapping[Host, TaskState]) -> float | None:
        """All of it ended: the rest of the log, the artifacts, and only then the final state."""
        platform = self._platform
        record = self._carry(record, begun, ended=True)
        out_of_time = record.status.get("out_of_time")
        stopped = record.intent == "stop" or out_of_time is not None
        failed = failed_first(begun)
        if not stopped and _interrupted(record, begun):
            self._room.leave(record)  # with its instances
            return self._again(record, begun, "interrupted")
        if failed is not None and not stopped and begun[failed].phase == "lost" and self._may_retry(record):
            return self._again(record, begun, "lost")
        times = self._over(record, begun, "ended")
        if failed is not None and not stopped:
            reason = training_output.failure_reason(platform, record, failed, begun[failed])
            if training_output.anything(platform, record):
                record = self._say(record, "Uploading", times)
                training_output.salvage(platform, record)
            self._finish(record, "fail", "Failed", {**times, "FailureReason": reason})
        else:
            record = self._say(record, "Uploading", times)
            status = {"ModelArtifacts": {"S3ModelArtifacts": training_output.upload(platform, record)}}
            if record.intent == "stop":
                self._finish(record, "stopped", "Stopped", status)
            elif out_of_time is not None:
                self._finish(record, "stopped", out_of_time, status)
            else:
                self._finish(record, "complete", "Completed", status)
        self._room.leave(record)
        return None

    # What they are made of.

    def _may_retry(self, record: Record) -> bool:
        most = record.spec.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0)
        return tries.lost(record) < int(most)

    def _again(self, record: Record, begun: Mapping[Host, TaskState], why: tries.Why) -> float:
        """Another try, from its checkpoints: its Spot instances were reclaimed, or the machine lost it and its
        RetryStrategy says that it may."""
        self._say(record, "Interrupted" if why == "interrupted" else "Restarting", self._over(record, begun, why))
        for host in hosts(record):  # of the try that was lost
            self._carrier.forget(task_id(record, host))
            self._platform.forget(task_id(record, host))
        return 0.0

    def _carry(self, record: Record, begun: Mapping[Host, TaskState], *, ended: bool = False) -> Record:
        """Carry logs, metrics and mirrored folders of each host."""
        newest: dict[str, tuple[float, float]] = {}
        for host, task in begun.items():
            found = pump(
                self._platform,
                record,
                task_id(record, host),
                group=LOG_GROUP,
                stream=log_stream(record, host),
                metrics=training_task.metric_definitions(record),
                dimensions={"TrainingJobName": record.name},
                ended=ended or task.phase != "running",
            )
            for name, (value, when) in found.items():
                if name not in newest or newest[name][1] <= when:
                    newest[name] = (value, when)
            self._mirror(record, host, task, ended=ended)
        if not newest:
            return record
        known = record.status.get("FinalMetricDataList", ())
        return self._note_status(record, {"FinalMetricDataList": final_metrics(known, newest)})

    def _mirror(self, record: Record, host: Host, task: TaskState, *, ended: bool) -> None:
        if wanted := mirrors.mirrors(record):
            identity = task_id(record, host)
            objects = self._platform.objects_as(record.spec["RoleArn"], record.key.region)
            ml, since = self._platform.ml_folder(identity), task.started or record.created
            self._carrier.carry(objects, identity, ml, wanted, since=since, ended=ended)

    def _stop(self, record: Record, begun: Mapping[Host, TaskState], grace: float) -> None:
        for host, task in begun.items():
            if task.phase == "running":
                self._platform.engine.stop(task_id(record, host), grace=grace)

    def _started(self, begun: Mapping[Host, TaskState]) -> float:
        return min(task.started or self._platform.clock.now() for task in begun.values())

    def _beginning(self, record: Record, started: float) -> dict[str, Any]:
        """What the status says when a try begins to train."""
        return {"TrainingStartTime": record.status.get("TrainingStartTime", started), "try_started": started}

    def _over(self, record: Record, begun: Mapping[Host, TaskState], why: tries.Why) -> dict[str, Any]:
        """What the status says when a try is over."""
        ended = max(task.ended or self._platform.clock.now() for task in begun.values())
        told = {"TrainingEndTime": ended} if why == "ended" else {}
        return {**told, **tries.with_end(record, self._started(begun), ended, why)}

    # Writing the record down. Controllers write status; the state moves by the lifecycle only.

    def _say(self, record: Record, secondary: str, status: Mapping[str, Any] | None = None) -> Record:
        """Enter a secondary status, unless it is already there."""
        if record.status.get("SecondaryStatus") == secondary and not status:
            return record
        return self._note_status(record, transition(record, secondary, self._platform.clock.now()) | dict(status or {}))

    def _finish(
        self, record: Record, event: str, secondary: str, status: Mapping[str, Any], message: str | None = None
    ) -> None:
        """The final write: state, times, metering."""
        now = self._platform.clock.now()
        known = {**record.status, **status}
        times = training_times.times(record, known, now)
        changed = {**known, **times, **transition(record, secondary, now, message)}
        state = LIFE.after(record.state, event, story=str(changed["SecondaryStatusTransitions"]))
        job, pool = warm_pools.left_by(replace(record, state=state, status=changed, modified=now), now)
        trial_component.finish(self._platform, job, along=[*pool, *metering.of_training_job(job)])

    def _note_status(self, record: Record, status: Mapping[str, Any]) -> Record:
        changed = {**record.status, **status}
        if changed == record.status:
            return record
        return self._platform.store.update(replace(record, status=changed, modified=self._platform.clock.now()))


def _interrupted(record: Record, begun: Mapping[Host, TaskState]) -> bool:
    """Whether its instances were reclaimed: not if it had ended before that was told."""
    interruption = tries.interruption(record)
    ended = [task.ended if task.ended is not None else float("inf") for task in begun.values()]
    return interruption is not None and max(ended) >= interruption.told


def _types(record: Record) -> Sequence[str]:
    return [host.instance_type for host in hosts(record)]
