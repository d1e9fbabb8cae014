"""Training jobs, made so: stage the inputs, run the task, carry its log, keep its model, say how it ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.compute.base import TaskState
from sagewright.controllers import staging, training_task
from sagewright.controllers.platform import Platform, tail
from sagewright.controllers.pump import final_metrics, last_lines, narrator, pump
from sagewright.controllers.watches import Watches
from sagewright.resources.record import Key, Record
from sagewright.resources.training_job import KIND, LIFE, LOG_GROUP

STOP_GRACE: Final = 120.0
"""Seconds between SIGTERM and SIGKILL, as on AWS."""
_LOOK_AGAIN: Final = 0.5
"""Seconds between two looks at a running job's log."""
_WAIT_FOR_ROOM: Final = 2.0
_HAS_A_PLACE: Final = ("Downloading", "DownloadingTrainingImage")

_MESSAGES: Final[Mapping[str, str]] = {
    "Pending": "Waiting for room on this machine",
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading the training input",
    "DownloadingTrainingImage": "Preparing the training image's environment",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds",
}


class TrainingJobs:
    """The reconciler of training jobs."""

    kind = KIND
    settled = LIFE.settled

    def __init__(self, platform: Platform, wake: Callable[[Key], None], *, at_once: int) -> None:
        """`at_once`: how many jobs run at the same time; the others wait their turn, oldest first."""
        self._platform = platform
        self._watch = Watches(platform.engine, wake)
        self._room = _Room(at_once, wake)

    def tasks(self, record: Record) -> Sequence[str]:
        return () if record.state in LIFE.settled else (training_task.task_id(record),)

    def reconcile(self, record: Record) -> float | None:
        if record.state in LIFE.settled:
            self._room.leave(record)
            self._platform.forget(training_task.task_id(record))
            return None
        task = self._platform.engine.inspect(training_task.task_id(record))
        if task.phase == "unknown":
            return self._begin(record)
        self._room.enter(record, always=True)
        if "TrainingStartTime" not in record.status:  # the server died between the start and writing it down
            started = task.started or self._platform.clock.now()
            record = self._say(record, "Training", {"TrainingStartTime": started})
        if task.phase == "running":
            return self._follow(record, task)
        return self._end(record, task)

    def fail(self, record: Record, reason: str) -> None:
        if LIFE.allows(record.state, "fail"):
            self._finish(record, "fail", "Failed", {"FailureReason": reason[: staging.FAILURE_LIMIT]})
        self._room.leave(record)

    # The three phases of a job.

    def _begin(self, record: Record) -> float | None:
        """Nothing runs yet: stage and start. Whatever an earlier try left half-done is laid out anew."""
        if record.intent == "stop":
            self._finish(record, "stopped", "Stopped", {})
            self._room.leave(record)
            return None
        training_task.resolve(record)
        # Whoever had a place when the server died takes it again.
        if not self._room.enter(record, always=record.status["SecondaryStatus"] in _HAS_A_PLACE):
            self._say(record, "Pending")
            return _WAIT_FOR_ROOM
        record = self._say(record, "Downloading")
        inputs = training_task.fetch_inputs(self._platform, record)
        if not self._platform.environments.ready(training_task.resolve(record).environment):
            record = self._say(record, "DownloadingTrainingImage")
        stream = training_task.log_stream(record)
        say = narrator(self._platform, record, group=LOG_GROUP, stream=stream)
        task = training_task.prepare(self._platform, record, inputs, say)
        newest = self._platform.store.get(record.key)
        if newest is None or newest.intent == "stop":
            return 0.0  # asked to stop meanwhile: look again before anything runs
        self._platform.engine.start(task)
        self._watch(task.id, record.key)
        self._say(newest, "Training", {"TrainingStartTime": self._platform.clock.now()})
        return _LOOK_AGAIN

    def _follow(self, record: Record, task: TaskState) -> float | None:
        """It runs: carry its log, and stop it when it is to be stopped."""
        platform, task_id = self._platform, training_task.task_id(record)
        self._watch(task_id, record.key)
        training_task.complete_inputs(platform, record)
        record = self._carry_log(record)
        # Why it is asked to end is written down first: a script that ends well when it is asked to looks completed.
        if record.intent == "stop":
            self._say(record, "Stopping")
            platform.engine.stop(task_id, grace=STOP_GRACE)
        elif self._seconds_left(record, task) <= 0:
            self._say(record, "Stopping", {"ran_out_of_time": True})
            platform.engine.stop(task_id, grace=STOP_GRACE)
        return min(_LOOK_AGAIN, max(self._seconds_left(record, task), 0.05))

    def _end(self, record: Record, task: TaskState) -> float | None:
        """It ended: the rest of the log, the artifacts, and only then the final state."""
        record = self._carry_log(record, ended=True)
        stopped = record.intent == "stop" or bool(record.status.get("ran_out_of_time"))
        succeeded = task.phase == "exited" and task.exit_code == 0
        times = {"TrainingEndTime": task.ended or self._platform.clock.now()}
        if succeeded or stopped:
            record = self._say(record, "Uploading", times)
            status = {"ModelArtifacts": {"S3ModelArtifacts": self._upload(record)}}
            if record.intent == "stop":
                self._finish(record, "stopped", "Stopped", status)
            elif stopped:
                self._finish(record, "stopped", "MaxRuntimeExceeded", status)
            else:
                self._finish(record, "complete", "Completed", status)
        else:
            reason = self._failure_reason(record, task)
            self._finish(record, "fail", "Failed", {**times, "FailureReason": reason})
        self._room.leave(record)
        return None

    # What they are made of.

    def _carry_log(self, record: Record, *, ended: bool = False) -> Record:
        runtime = training_task.resolve(record)
        newest = pump(
            self._platform,
            record,
            training_task.task_id(record),
            group=LOG_GROUP,
            stream=training_task.log_stream(record),
            metrics=training_task.metric_definitions(record, runtime),
            dimensions={"TrainingJobName": record.name},
            ended=ended,
        )
        if not newest:
            return record
        known = record.status.get("FinalMetricDataList", ())
        return self._note_status(record, {"FinalMetricDataList": final_metrics(known, newest)})

    def _upload(self, record: Record) -> str:
        """Put the model and the output data into S3. Returns the model artifact's URI."""
        ml = self._platform.ml_folder(training_task.task_id(record))
        output = record.spec["OutputDataConfig"]
        base = f"{output['S3OutputPath'].rstrip('/')}/{record.name}/output"
        bucket, prefix = staging.split_uri(base)
        objects = self._platform.objects_as(record.spec["RoleArn"], record.key.region)
        if output.get("CompressionType") == "NONE":
            for name, folder in (("model", ml / "model"), ("output", ml / "output" / "data")):
                for path, relative in staging.files_below(folder):
                    staging.put(objects, bucket, f"{prefix}/{name}/{relative}", path)
            return f"{base}/model/"
        archives = {"model.tar.gz": ml / "model"}
        if staging.has_files(ml / "output" / "data"):
            archives["output.tar.gz"] = ml / "output" / "data"
        for name, folder in archives.items():
            archive = ml.parent / name
            staging.pack(folder, archive)
            staging.put(objects, bucket, f"{prefix}/{name}", archive)
        return f"{base}/model.tar.gz"

    def _failure_reason(self, record: Record, task: TaskState) -> str:
        """Why it failed, in the words the script left, else with the last lines it printed."""
        task_id = training_task.task_id(record)
        if task.phase == "lost":
            return (
                "InternalServerError: The machine lost the training task before it ended "
                "(it was restarted, or somebody killed the task's supervisor). Start the job again."
            )
        if task.out_of_memory:
            return (
                "AlgorithmError: OutOfMemoryError: Please use an instance type with more memory, or reduce the size "
                f"of training data processed on an instance., exit code: {task.exit_code}"
            )
        said = staging.read_inside(self._platform.ml_folder(task_id), "output/failure", limit=900).strip()
        lines = last_lines(self._platform, task_id, count=60)
        if lines and lines[-1].strip() not in said:
            # SDK v3's driver, for one, writes that a command failed, but not how; a shell's trace says nothing either.
            new = [line for line in lines if not line.startswith("+") and line.strip() not in said]
            said = f"{said[-360:] or 'The algorithm left no failure file.'} Its last lines: {tail(new, limit=540)}"
        told_apart = said.startswith(("AlgorithmError:", "ClientError:"))
        reason = said if told_apart else f"AlgorithmError: {said}"
        return f"{reason}, exit code: {task.exit_code}"[: staging.FAILURE_LIMIT]

    def _seconds_left(self, record: Record, task: TaskState) -> float:
        limit = float(record.spec["StoppingCondition"]["MaxRuntimeInSeconds"])
        return (task.started or self._platform.clock.now()) + limit - self._platform.clock.now()

    # Writing the record down. Controllers write status; the state moves by the lifecycle only.

    def _say(self, record: Record, secondary: str, status: Mapping[str, Any] | None = None) -> Record:
        """Enter a secondary status, unless it is already there."""
        if record.status.get("SecondaryStatus") == secondary and not status:
            return record
        return self._note_status(record, self._transition(record, secondary) | dict(status or {}))

    def _finish(self, record: Record, event: str, secondary: str, status: Mapping[str, Any]) -> None:
        """The final write: state, times, metering."""
        now = self._platform.clock.now()
        known = {**record.status, **status}
        ended = {"TrainingEndTime": known.get("TrainingEndTime", now)}
        if "TrainingStartTime" in known:
            seconds = max(1, round(ended["TrainingEndTime"] - known["TrainingStartTime"]))
            ended |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
        changed = {**known, **ended, **self._transition(record, secondary)}
        state = LIFE.after(record.state, event, story=str(changed["SecondaryStatusTransitions"]))
        self._platform.store.update(replace(record, state=state, status=changed, modified=now))

    def _note_status(self, record: Record, status: Mapping[str, Any]) -> Record:
        changed = {**record.status, **status}
        if changed == record.status:
            return record
        return self._platform.store.update(replace(record, status=changed, modified=self._platform.clock.now()))

    def _transition(self, record: Record, secondary: str) -> dict[str, Any]:
        now = self._platform.clock.now()
        story = [dict(each) for each in record.status["SecondaryStatusTransitions"]]
        if story and story[-1]["Status"] == secondary:
            return {}
        if story:
            story[-1].setdefault("EndTime", now)
        entry = {"Status": secondary, "StartTime": now, "StatusMessage": _MESSAGES[secondary]}
        return {"SecondaryStatus": secondary, "SecondaryStatusTransitions": [*story, entry]}


class _Room:
    """Who may run now, and who waits. Kept in memory: after a restart, tasks that run take their place first."""

    def __init__(self, places: int, wake: Callable[[Key], None]) -> None:
        self._places = places
        self._wake = wake
        self._inside: set[str] = set()
        self._waiting: dict[str, tuple[float, Key]] = {}
        self._lock = threading.Lock()

    def enter(self, record: Record, *, always: bool = False) -> bool:
        """Take a place, if there is one that nobody older waits for; else wait to be woken when one is free."""
        with self._lock:
            older = sum(created < record.created for created, _ in self._waiting.values())
            if record.uid in self._inside or always or len(self._inside) + older < self._places:
                self._inside.add(record.uid)
                self._waiting.pop(record.uid, None)
                return True
            self._waiting[record.uid] = (record.created, record.key)
            return False

    def leave(self, record: Record) -> None:
        """Neither run nor wait any more."""
        with self._lock:
            self._inside.discard(record.uid)
            self._waiting.pop(record.uid, None)
            next_key = min(self._waiting.values(), default=(0.0, None))[1]
        if next_key is not None:
            self._wake(next_key)
