"""Fleets of model servers: so many instances of each model, each of one task per container, replaced when they die.

Endpoints and inference components keep theirs in `status["instances"]`: every instance that may exist, written down
before any of its tasks is started, so that a server that was killed leaves nothing behind that the next one does not
know of. Each has a serial number that its record never gave before: a task id stands for one run, and so does its log
stream.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sagewright.base.errors import AlreadyExists, StaleRecord, Terminal, Transient
from sagewright.compute.base import TaskState
from sagewright.controllers import metering, model_task, replacement
from sagewright.controllers.health import Pulse, answers_ping
from sagewright.controllers.platform import Platform, tail
from sagewright.controllers.pump import last_lines, narrator, pump
from sagewright.controllers.standby import Standby
from sagewright.controllers.watches import Watches
from sagewright.resources import routing
from sagewright.resources.model import containers, hostnames
from sagewright.resources.record import Key, Record
from sagewright.store.base import Write

STOP_GRACE: Final = 30.0
"""Seconds between SIGTERM and SIGKILL, as on AWS."""
HEALTH_TIMEOUT: Final = 240.0
"""Seconds in which a container must answer /ping, where the configuration says nothing."""
DRAIN: Final = 0.5
"""Seconds between the end of an instance's turn and SIGTERM: what was sent to it in that moment has arrived by then."""
STARTING: Final = 0.05
"""Seconds until the next look at what starts."""
CALLED: Final = 0.01
"""The same for what stood by and was called."""

Instance = dict[str, Any]
"""task (its id), tasks (of its containers), variant, index, generation, number, serial, attempt, log_stream; type
(ml.…) where it has one; not_before (epoch seconds) where it replaces another; standby where it was started without its
model and has not served yet; retired (epoch seconds) since when it is to end."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many instances of one model, all alike."""

    generation: int
    index: int
    """Of the variant in its configuration."""
    variant: str
    count: int
    model: Mapping[str, Any]
    settings: Mapping[str, Any]
    """The production variant: instance type, time-outs."""
    standby: bool = False
    """They are not to serve, only to be ready to load their model."""

    def holds(self, instance: Instance) -> bool:
        """Whether an instance is one of these. One that stands by may come to serve, and never the other way round."""
        ours = (instance["generation"], instance["variant"]) == (self.generation, self.variant)
        ours = ours and (not self.standby or instance.get("standby", False))
        return ours and instance["number"] < self.count and not instance.get("retired")


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a fleet found."""

    healthy: Sequence[Instance]
    waiting: Sequence[float]
    """In how many seconds to look again, for each instance that is not there yet."""

    @property
    def tasks(self) -> set[str]:
        return {instance["task"] for instance in self.healthy}


class Fleet:
    """The mechanism; which instances there should be is said by who uses it."""

    def __init__(self, platform: Platform, wake: Callable[[Key], None], *, log_group: str) -> None:
        """`log_group` is what the names of its records' log groups begin with."""
        self._platform = platform
        self._log_group = log_group
        self._watch = Watches(platform.engine, wake)
        self._pulse = Pulse(platform.clock)
        self._standby = Standby(platform)

    # Before anything is started.

    def plan(self, record: Record, wanted: Sequence[Wanted]) -> Mapping[str, Any]:
        """The record's status with every wanted instance in it."""
        serving = _serving(record)
        instances = [_standing(each) if each["task"] in serving else each for each in instances_of(record)]
        serial = record.status.get("serial", 0)
        for each in wanted:
            here = {instance["number"] for instance in instances if each.holds(instance)}
            for number in range(each.count):
                if number not in here:
                    serial += 1
                    instances.append(_instance(record, each, number, serial))
        return {**record.status, "instances": instances, "serial": serial}

    # What is.

    def look(self, record: Record, wanted: Sequence[Wanted], *, lasting: bool) -> Look | None:
        """Start what should run; which instances answer, and when to look at the others again.
        None: one was replaced, so the record has a new version to look at.

        `lasting`: there is nothing to go back to, so what fails is replaced for ever. Else raises Terminal when an
        instance that never served cannot come up.
        """
        serving = _serving(record)
        healthy: list[Instance] = []
        waiting: list[float] = []
        for instance, each in _pairs(record, wanted):
            states = [self._platform.engine.inspect(task) for task in instance["tasks"]]
            for number, state in enumerate(states):
                self._carry_log(record, instance, number, ended=state.phase != "running")
            phases = {state.phase for state in states}
            if phases <= {"running", "unknown"}:
                if "unknown" in phases:
                    delay = instance.get("not_before", 0.0) - self._platform.clock.now()
                    if delay <= 0:
                        self._start(record, each, instance, states, lasting=lasting)
                    waiting.append(max(delay, STARTING))
                    continue
                self._wake_at_the_end_of(record, instance)
                if each.standby:
                    continue
                if self._is_healthy(instance, serves=instance["task"] in serving):
                    healthy.append(instance)
                    continue
                if instance.get("standby"):
                    seconds = self._standby.call(instance["tasks"])
                    if seconds is None or seconds <= _startup(each):
                        waiting.append(STARTING if seconds is None else CALLED)
                        continue
                if instance["task"] not in serving and not self._is_late(each, states):
                    waiting.append(STARTING)
                    continue
            if instance["task"] not in serving and not (lasting or _was_ended_by_others(instance, states)):
                raise Terminal(self._reason(instance, states))
            self._replace(record, instance, states)
            return None
        return Look(healthy, waiting)

    def members(self, instances: Sequence[Instance]) -> Mapping[str, Sequence[routing.Member]]:
        """The instances as the routing table has them, by variant."""
        found: dict[str, list[routing.Member]] = {}
        for each in instances:
            sockets = [str(self._platform.engine.address(task)) for task in each["tasks"]]
            member = {"task": each["task"], "sockets": sockets, "log_stream": each["log_stream"]}
            found.setdefault(each["variant"], []).append(member)
        return found

    def _start(
        self, record: Record, wanted: Wanted, instance: Instance, states: Sequence[TaskState], *, lasting: bool
    ) -> None:
        """Those of its tasks that were never started: some may run when a server was killed in between."""
        try:
            for number, (task_id, state) in enumerate(zip(instance["tasks"], states, strict=True)):
                if state.phase != "unknown":
                    continue
                stream = stream_of(instance, number)
                say = narrator(self._platform, record, group=self._log_group + record.name, stream=stream)
                task = model_task.prepare(
                    self._platform,
                    record,
                    task_id,
                    wanted.model,
                    wanted.settings,
                    say,
                    number=number,
                    standby=instance.get("standby", False),
                )
                self._platform.engine.start(task)
        except Terminal as error:
            if lasting:  # the others go on serving, and what is missing may come back
                raise Transient(str(error)) from error
            raise
        self._wake_at_the_end_of(record, instance)

    def _wake_at_the_end_of(self, record: Record, instance: Instance) -> None:
        for task in instance["tasks"]:
            self._watch(task, record.key)

    def _is_healthy(self, instance: Instance, *, serves: bool) -> bool:
        if serves:
            return self._pulse.beats(instance["task"], lambda: self._answers(instance))
        return self._answers(instance)

    def _answers(self, instance: Instance) -> bool:
        sockets = [self._platform.engine.address(task) for task in instance["tasks"]]
        return all(socket is not None and answers_ping(socket) for socket in sockets)

    def _is_late(self, wanted: Wanted, states: Sequence[TaskState]) -> bool:
        now, limit = self._platform.clock.now(), _startup(wanted)
        return any(state.started is not None and now - state.started > limit for state in states)

    def _replace(self, record: Record, instance: Instance, states: Sequence[TaskState]) -> None:
        """An instance has died: another takes its place, later each time it happens soon."""
        now = self._platform.clock.now()
        lasted = now - instance.get("not_before", record.created)
        attempt, delay = replacement.following(instance["attempt"], lasted=lasted)
        serial = record.status["serial"] + 1
        successor = _successor(record, instance, serial=serial, attempt=attempt)
        successor["not_before"] = now + delay
        instances = [successor if each["task"] == instance["task"] else each for each in instances_of(record)]
        serving = routing.without(record.status.get("serving", ()), instance["task"])
        ended = min((state.ended for state in states if state.ended is not None), default=now)
        status = {**record.status, "instances": instances, "serving": serving, "serial": serial}
        self.write(record, status=status, ends={instance["task"]: ended})
        # Only now: were it forgotten and still in the record, it would be started a second time.
        self._forget(instance)

    # The end.

    def retired(self, record: Record, kept: Sequence[Wanted]) -> Sequence[Instance]:
        """The record's instances, all that is not `kept` marked as to end. Its routes must end in the same write."""
        now = self._platform.clock.now()
        return [
            each if each.get("retired") or any(one.holds(each) for one in kept) else {**each, "retired": now}
            for each in instances_of(record)
        ]

    def let_go(self, record: Record) -> Record:
        """Go on with the end of all that is retired, and cross out what is gone."""
        drained = self._platform.clock.now() - DRAIN
        retired = [each for each in instances_of(record) if each.get("retired") and each["retired"] <= drained]
        gone = {each["task"] for each in retired if self.retire(record, each)}
        if not gone:
            return record
        left = [each for each in instances_of(record) if each["task"] not in gone]
        return self.write(record, status={**record.status, "instances": left})

    def retire(self, record: Record, instance: Instance) -> bool:
        """Ask an instance to end; forget it when it has. Whether it is gone."""
        running = []
        for number, task in enumerate(instance["tasks"]):
            runs = self._platform.engine.inspect(task).phase == "running"
            self._carry_log(record, instance, number, ended=not runs)
            if runs:
                self._platform.engine.stop(task, grace=STOP_GRACE)
                self._watch(task, record.key)
                running.append(task)
        if not running:
            self._forget(instance)
        return not running

    def forget_all(self, record: Record) -> None:
        """At once: for those of a record that has failed."""
        for instance in instances_of(record):
            self._forget(instance)

    def carry_logs(self, record: Record) -> None:
        """What all instances have said until now."""
        for instance in instances_of(record):
            for number in range(len(instance["tasks"])):
                self._carry_log(record, instance, number)

    def _forget(self, instance: Instance) -> None:
        self._pulse.forget(instance["task"])
        self._standby.forget(instance["tasks"])
        for task in instance["tasks"]:
            self._platform.forget(task)

    # Records and words.

    def write(
        self,
        record: Record,
        *,
        state: str | None = None,
        status: Mapping[str, Any],
        along: Sequence[Write] = (),
        ends: Mapping[str, float] | None = None,
    ) -> Record:
        """Write what has changed, if anything has; raises StaleRecord. `ends` is for `metering`."""
        status, used = metering.of_fleet(record, status, self._platform.clock.now(), ends or {})
        changed = replace(record, state=state or record.state, status=status)
        if changed == record:
            return record
        if changed.state != record.state:
            changed = replace(changed, modified=self._platform.clock.now())
        try:
            return self._platform.store.write([("update", changed), *along, *used])[0]
        except AlreadyExists as error:  # somebody else has told of the same thing meanwhile
            raise StaleRecord(str(error)) from error

    def _carry_log(self, record: Record, instance: Instance, number: int, *, ended: bool = False) -> None:
        task, stream = instance["tasks"][number], stream_of(instance, number)
        pump(self._platform, record, task, group=self._log_group + record.name, stream=stream, ended=ended)

    def _reason(self, instance: Instance, states: Sequence[TaskState]) -> str:
        number = next((number for number, state in enumerate(states) if state.phase != "running"), 0)
        lines = tail(last_lines(self._platform, instance["tasks"][number]), limit=600)
        which = f"{instance['containers'][number]} container" if len(states) > 1 else "primary container"
        return (
            f"The {which} for production variant {instance['variant']} did not pass the ping health check. "
            f"Please check CloudWatch logs for this endpoint. Its last lines: {lines}"
        )


def instances_of(record: Record) -> Sequence[Instance]:
    """All that may exist."""
    instances: Sequence[Instance] = record.status.get("instances", ())
    return instances


def tasks_of(record: Record) -> Sequence[str]:
    """The tasks of all that may exist."""
    return [task for instance in instances_of(record) for task in instance["tasks"]]


def stream_of(instance: Instance, number: int) -> str:
    """The log stream of one of its containers."""
    stream: str = instance["log_stream"]
    return f"{stream}/{instance['containers'][number]}" if len(instance["tasks"]) > 1 else stream


def _startup(wanted: Wanted) -> float:
    """Seconds until an instance must answer."""
    return float(wanted.settings.get("ContainerStartupHealthCheckTimeoutInSeconds", HEALTH_TIMEOUT))


def _serving(record: Record) -> set[str]:
    """The tasks that requests are sent to."""
    return {member["task"] for member in routing.all_members(record.status.get("serving", ()))}


def _standing(instance: Instance) -> Instance:
    """An instance that serves: it does not stand by any more."""
    return {member: value for member, value in instance.items() if member != "standby"}


def _pairs(record: Record, wanted: Sequence[Wanted]) -> Sequence[tuple[Instance, Wanted]]:
    return [(instance, each) for instance in instances_of(record) for each in wanted if each.holds(instance)]


def _instance(record: Record, wanted: Wanted, number: int, serial: int) -> Instance:
    place: Instance = {
        "variant": wanted.variant,
        "index": wanted.index,
        "generation": wanted.generation,
        "number": number,
        **({"standby": True} if wanted.standby else {}),
        **({"type": wanted.settings["InstanceType"]} if "InstanceType" in wanted.settings else {}),
    }
    return _numbered(record, {**place, "containers": hostnames(containers(wanted.model))}, serial=serial, attempt=1)


def _successor(record: Record, instance: Instance, *, serial: int, attempt: int) -> Instance:
    members = ("variant", "index", "generation", "number", "containers", "standby", "type")
    kept = {member: instance[member] for member in members if member in instance}
    return _numbered(record, kept, serial=serial, attempt=attempt)


def _numbered(record: Record, place: Instance, *, serial: int, attempt: int) -> Instance:
    task = f"serve-{record.uid}-{place['generation']}-{place['index']}-{place['number']}-{serial}"
    machine = "i-" + hashlib.sha256(task.encode()).hexdigest()[:17]
    count = len(place["containers"])
    return {
        **place,
        "task": task,
        "tasks": [task] if count == 1 else [f"{task}-{number}" for number in range(1, count + 1)],
        "serial": serial,
        "attempt": attempt,
        "log_stream": f"{place['variant']}/{machine}",
    }


def _was_ended_by_others(instance: Instance, states: Sequence[TaskState]) -> bool:
    """A Ctrl-C of the server, a reboot: not what ends by itself before it was healthy."""
    ended = [state for state in states if state.phase in ("exited", "lost")]
    by_others = all(replacement.ended_by_others(state) for state in ended)
    return bool(ended) and by_others and replacement.may_try_again(instance["attempt"])
