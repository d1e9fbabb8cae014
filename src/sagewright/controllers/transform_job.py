"""Batch transform jobs, made so: deal the objects over instances, run a model's server with each, keep the outputs.

What there is to do is found out once and kept in a folder of the job's own; each instance's task then works by itself
(`sagewright_container.transform`). Outputs go to S3 when all have ended: a job that is stopped leaves none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.compute.base import TaskState
from sagewright.controllers import (
    metering,
    own_images,
    staging,
    transform_output,
    transform_plan,
    transform_task,
    trial_component,
)
from sagewright.controllers.platform import Platform
from sagewright.controllers.pump import narrator, pump
from sagewright.controllers.room import Room, unsettled_jobs
from sagewright.controllers.transform_plan import PlanFolder
from sagewright.controllers.watches import Watches
from sagewright.resources import transform_job
from sagewright.resources.model import containers
from sagewright.resources.record import Key, Record
from sagewright.resources.transform_job import KIND, LIFE, LOG_GROUP, Instance, instances, plan_id

STOP_GRACE: Final = 30.0
"""Seconds between SIGTERM and SIGKILL, as on AWS."""
ATTEMPTS: Final = 3
"""How often an instance is started when the machine loses it."""


class TransformJobs:
    """The reconciler of batch transform jobs."""

    kind = KIND
    settled = LIFE.settled

    def __init__(self, platform: Platform, wake: Callable[[Key], None], room: Room) -> None:
        """`room` is where all kinds of jobs have their places."""
        self._platform = platform
        self._watch = Watches(platform.engine, wake)
        self._room = room
        room.remember(
            lambda: unsettled_jobs(
                platform.store, KIND, self.settled, types=_types, runs=lambda record: bool(instances(record))
            )
        )

    def tasks(self, record: Record) -> Sequence[str]:
        return () if record.state in LIFE.settled else _folders(record)

    def reconcile(self, record: Record) -> float | None:
        if record.state in LIFE.settled:
            self._room.leave(record)
            for folder in _folders(record):
                self._platform.forget(folder)
            return None
        known = instances(record)
        if not known:
            return self._begin(record)
        found = {each["task"]: self._platform.engine.inspect(each["task"]) for each in known}
        self._room.enter(record, _types(record), always=True)
        missing = [each for each in known if found[each["task"]].phase == "unknown"]
        if missing and record.intent != "stop":
            return self._start(record, missing, len(known))
        if any(task.phase == "running" for task in found.values()):
            return self._follow(record, known, found)
        lost = [each for each in known if found[each["task"]].phase == "lost" and each["attempt"] < ATTEMPTS]
        if lost and record.intent != "stop":
            return self._again(record, lost)
        return self._end(record, known, found)

    def fail(self, record: Record, reason: str) -> None:
        if LIFE.allows(record.state, "fail"):
            for each in instances(record):
                self._carry(record, each, ended=True)
            self._finish(record, "fail", {"FailureReason": reason[: staging.FAILURE_LIMIT]})
        self._room.leave(record)

    # The phases of a job.

    def _begin(self, record: Record) -> float | None:
        """Find out what there is to do, and write down who is to do it."""
        if record.intent == "stop":
            self._finish(record, "stopped", {})
            self._room.leave(record)
            return None
        if not self._room.enter(record, _types(record)):
            return None  # it is woken when there is room
        images = [each["Image"] for each in containers(record.spec["model"])]
        answered = [own_images.runtime_of(self._platform, image, record.key.region) for image in images]
        folder = PlanFolder(self._platform, record)
        items = folder.items()
        if items is None:
            role = record.spec["model"]["ExecutionRoleArn"]
            items = transform_plan.find(self._platform.objects_as(role, record.key.region), record, folder.scratch())
            folder.keep(items)
        # An instance without an object would have nothing to do, as on AWS.
        count = min(record.spec["TransformResources"]["InstanceCount"], len(items))
        dealt = [transform_job.instance(record, number) for number in range(count)]
        self._note(record, {"instances": dealt, "first_by_itself": answered[0] is None})
        return 0.0

    def _start(self, record: Record, missing: Sequence[Instance], count: int) -> float | None:
        """Instances are yet to run: stage and start them. What an earlier try left half-done is laid out anew."""
        platform = self._platform
        items = PlanFolder(platform, record).items() or ()
        for each in missing:
            self._start_others(record, each)
            say = narrator(platform, record, group=LOG_GROUP, stream=each["log_stream"])
            task = transform_task.prepare(
                platform, record, each, transform_plan.dealt(items, each["number"], count), say
            )
            newest = platform.store.get(record.key)
            if newest is None or newest.intent == "stop":
                return 0.0  # asked to stop meanwhile: look again before it runs
            platform.engine.start(task)
            self._watch(task.id, record.key)
            if "before" in each:
                for before in transform_job.tasks(record, each["before"]):
                    platform.forget(before)
        if "TransformStartTime" not in record.status:
            self._note(record, {"TransformStartTime": platform.clock.now()})
        return self._room.pace()

    def _start_others(self, record: Record, instance: Instance) -> None:
        """The further containers of a pipeline, before the task that asks them."""
        first = 1 if transform_job.serves_first(record) else 0
        for number, (name, task_id) in enumerate(transform_job.others(record, instance["task"]).items(), first):
            if self._platform.engine.inspect(task_id).phase == "unknown":
                stream = f"{instance['log_stream']}/{name}"
                say = narrator(self._platform, record, group=LOG_GROUP, stream=stream)
                self._platform.engine.start(transform_task.prepare_other(self._platform, record, task_id, number, say))

    def _follow(self, record: Record, known: Sequence[Instance], found: Mapping[str, TaskState]) -> float | None:
        """It runs: carry what it says, and stop it when it is to be stopped."""
        if "TransformStartTime" not in record.status:  # the server died between the start and writing it down
            record = self._note(record, {"TransformStartTime": self._began(found)})
        for each in known:
            task = found[each["task"]]
            self._carry(record, each, ended=task.phase != "running")
            if task.phase == "running":
                self._watch(each["task"], record.key)
                if record.intent == "stop":
                    self._platform.engine.stop(each["task"], grace=STOP_GRACE)
        return self._room.pace()

    def _again(self, record: Record, lost: Sequence[Instance]) -> float | None:
        """The machine lost them: others go on where they were."""
        gone = {each["task"] for each in lost}
        for each in lost:
            self._carry(record, each, ended=True)
        successors = [
            transform_job.instance(record, each["number"], each["attempt"] + 1, before=each["task"])
            if each["task"] in gone
            else each
            for each in instances(record)
        ]
        self._note(record, {"instances": successors})
        return 0.0

    def _end(self, record: Record, known: Sequence[Instance], found: Mapping[str, TaskState]) -> float | None:
        """All of them ended: the rest of the log, the outputs, and only then the final state."""
        platform = self._platform
        for each in known:
            self._carry(record, each, ended=True)
        ends = [task.ended for task in found.values() if task.ended is not None]
        times = {
            "TransformStartTime": record.status.get("TransformStartTime", self._began(found)),
            "TransformEndTime": max(ends, default=platform.clock.now()),
        }
        if record.intent == "stop":
            self._finish(record, "stopped", times)
        else:
            folder = PlanFolder(platform, record)
            done = transform_output.upload(platform, record, folder, known)
            transform_output.capture(platform, record, folder, done)
            well = all(task.phase == "exited" and task.exit_code == 0 for task in found.values())
            if well and len(done) == len(folder.items() or ()):
                self._finish(record, "complete", times)
            else:
                reason = transform_output.failure_reason(platform, found, known)
                self._finish(record, "fail", {**times, "FailureReason": reason[: staging.FAILURE_LIMIT]})
        self._room.leave(record)
        return None

    # What they are made of.

    def _carry(self, record: Record, each: Instance, *, ended: bool) -> None:
        pump(self._platform, record, each["task"], group=LOG_GROUP, stream=each["log_stream"], ended=ended)
        for name, task in transform_job.others(record, each["task"]).items():
            pump(self._platform, record, task, group=LOG_GROUP, stream=f"{each['log_stream']}/{name}", ended=ended)
        transform_output.carry_data_log(self._platform, record, each)

    def _began(self, found: Mapping[str, TaskState]) -> float:
        began = [task.started for task in found.values() if task.started is not None]
        return min(began, default=self._platform.clock.now())

    # Writing the record down. Controllers write status; the state moves by the lifecycle only.

    def _note(self, record: Record, status: Mapping[str, Any]) -> Record:
        changed = {**record.status, **status}
        return self._platform.store.update(replace(record, status=changed, modified=self._platform.clock.now()))

    def _finish(self, record: Record, event: str, status: Mapping[str, Any]) -> None:
        """The final write: state and times."""
        now = self._platform.clock.now()
        known = {"TransformEndTime": now, **record.status, **status}
        state = LIFE.after(record.state, event)
        job = replace(record, state=state, status=known, modified=now)
        trial_component.finish(self._platform, job, along=metering.of_transform_job(job))


def _types(record: Record) -> Sequence[str]:
    resources = record.spec["TransformResources"]
    return [resources["InstanceType"]] * int(resources["InstanceCount"])


def _folders(record: Record) -> list[str]:
    """All that a job may have among the tasks."""
    known = instances(record)
    tasks = [each["task"] for each in known] + [each["before"] for each in known if "before" in each]
    return [plan_id(record), *(task for each in tasks for task in transform_job.tasks(record, each))]
