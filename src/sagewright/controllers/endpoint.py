"""Endpoints, made so: one model server per instance of each variant, replaced when it dies.

An update starts the new generation beside the old one and switches over when all of it answers; if it does not come
up, the old one goes on. `status["instances"]` lists every task that may exist, written before it is started, so
that a server that was killed leaves nothing behind that the next one does not know of. Each has a serial number that
the endpoint never gave before: a task id stands for one run, and so does its log stream.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AlreadyExists, StaleRecord, Terminal, Transient
from sagewright.compute.base import TaskState
from sagewright.controllers import model_task
from sagewright.controllers.deployment import deployed
from sagewright.controllers.health import answers_ping
from sagewright.controllers.platform import Platform, tail
from sagewright.controllers.pump import last_lines, narrator, pump
from sagewright.controllers.watches import Watches
from sagewright.resources.endpoint import KIND, LIFE, LOG_GROUP
from sagewright.resources.model import containers
from sagewright.resources.record import Key, Record
from sagewright.store.base import Write

STOP_GRACE: Final = 30.0
"""Seconds between SIGTERM and SIGKILL, as on AWS."""
HEALTH_TIMEOUT: Final = 240.0
"""Seconds in which a container must answer /ping, where the configuration says nothing."""
_STARTING: Final = 0.05
_SERVING: Final = 1.0
_LONGEST_REPLACEMENT: Final = 60.0
_ATTEMPTS: Final = 4
"""How often an instance of a new endpoint or update is started when somebody else ended it before it was healthy."""
_ENDED_BY_OTHERS: Final = (0, 128 + 9, 128 + 15)
_LASTING: Final = ("InService", "RollingBack")
"""States that no instance's failure ends: there is nothing else to go to."""

Instance = dict[str, Any]
"""task, variant, index, generation, number, serial, attempt, log_stream; not_before (epoch seconds) where it replaces
another; retired once it is to end."""


class Endpoints:
    """The reconciler of endpoints."""

    kind = KIND
    settled = LIFE.settled

    def __init__(self, platform: Platform, wake: Callable[[Key], None]) -> None:
        self._platform = platform
        self._watch = Watches(platform.engine, wake)

    def tasks(self, record: Record) -> Sequence[str]:
        return [instance["task"] for instance in _instances(record)]

    def reconcile(self, record: Record) -> float | None:
        if record.intent == "delete":
            return self._delete(record)
        if record.state in LIFE.settled:
            for instance in _instances(record):
                self._platform.forget(instance["task"])
            return None
        record = self._plan(record)
        healthy, waiting = self._look(record)
        if waiting:
            return min(waiting)
        return self._serve(record, healthy)

    def fail(self, record: Record, reason: str) -> None:
        """An instance of the wanted generation cannot come up."""
        event = "fail" if record.state == "Creating" or "current" in record.status else "abandon"
        if record.intent == "delete" or not LIFE.allows(record.state, event):
            return
        state = LIFE.after(record.state, event)
        status = {**record.status, "FailureReason": reason[:1024]}
        if state == "RollingBack":
            status["abandoned"] = record.spec["generation"]
        else:
            # The instances are forgotten by the look that this write asks for: not before it is written down.
            for instance in _instances(record):
                self._carry_log(record, instance)
            status["serving"] = {}
        self._write(record, state=state, status=status)

    # What is wanted.

    def _target(self, record: Record) -> Mapping[str, Any]:
        """The generation to serve: the spec's, or the one before it when that one did not come up."""
        if _abandoned(record):
            current: Mapping[str, Any] = record.status["current"]
            return current
        return {member: record.spec[member] for member in ("generation", "config", "models", "EndpointConfigName")}

    def _plan(self, record: Record) -> Record:
        """Write down the instances that there should be, before any of them is started."""
        target = self._target(record)
        instances: list[Instance] = list(_instances(record))
        here = {
            (each["variant"], each["number"])
            for each in instances
            if each["generation"] == target["generation"] and not each.get("retired")
        }
        serial = record.status.get("serial", 0)
        for index, variant in enumerate(target["config"]["ProductionVariants"]):
            for number in range(variant.get("InitialInstanceCount", 1)):
                if (variant["VariantName"], number) not in here:
                    serial += 1
                    place = (target["generation"], index, variant["VariantName"], number)
                    instances.append(_instance(record, *place, serial=serial))
        status = {**record.status, "instances": instances, "serial": serial}
        if "ProductionVariants" not in status:
            status["ProductionVariants"] = self._variants(target, {}, record.modified)
        return self._write(record, status=status)

    # What is.

    def _look(self, record: Record) -> tuple[list[Instance], list[float]]:
        """Start what should run; which instances answer, and when to look at the others again."""
        target = self._target(record)
        serving = {each["task"] for each in _all(record.status.get("serving", {}))}
        healthy: list[Instance] = []
        waiting: list[float] = []
        for instance in _wanted(record, target):
            task = self._platform.engine.inspect(instance["task"])
            self._carry_log(record, instance, ended=task.phase != "running")
            if task.phase == "unknown":
                delay = instance.get("not_before", 0.0) - self._platform.clock.now()
                if delay <= 0:
                    self._start(record, target, instance)
                waiting.append(max(delay, _STARTING))
                continue
            if task.phase == "running":
                self._watch(instance["task"], record.key)
                if instance["task"] in serving or self._answers(instance):
                    healthy.append(instance)
                    continue
                if not self._is_late(target, instance, task):
                    waiting.append(_STARTING)
                    continue
            if instance["task"] not in serving and not _may_be_replaced(record, instance, task):
                raise Terminal(self._reason(record, instance))
            self._replace(record, instance)
            waiting.append(0.0)
            break  # the record has a new version: look again from the start
        return healthy, waiting

    def _start(self, record: Record, target: Mapping[str, Any], instance: Instance) -> None:
        variant = _variant(target, instance)
        model = target["models"][variant["ModelName"]]
        try:
            say = narrator(self._platform, record, group=LOG_GROUP + record.name, stream=instance["log_stream"])
            task = model_task.prepare(self._platform, record, instance["task"], model, variant, say)
            self._platform.engine.start(task)
        except Terminal as error:
            if record.state in _LASTING:  # the others go on serving, and what is missing may come back
                raise Transient(str(error)) from error
            raise
        self._watch(task.id, record.key)

    def _answers(self, instance: Instance) -> bool:
        socket = self._platform.engine.address(instance["task"])
        return socket is not None and answers_ping(socket)

    def _is_late(self, target: Mapping[str, Any], instance: Instance, task: TaskState) -> bool:
        variant = _variant(target, instance)
        limit = variant.get("ContainerStartupHealthCheckTimeoutInSeconds", HEALTH_TIMEOUT)
        return task.started is not None and self._platform.clock.now() - task.started > limit

    def _replace(self, record: Record, instance: Instance) -> None:
        """An instance has died: another takes its place, later each time it happens soon."""
        now = self._platform.clock.now()
        lasted = now - instance.get("not_before", record.created)
        attempt = instance["attempt"] + 1 if lasted < _LONGEST_REPLACEMENT else 1
        delay = min(2.0 ** (attempt - 2), _LONGEST_REPLACEMENT) if attempt > 1 else 0.0
        place = (instance["generation"], instance["index"], instance["variant"], instance["number"])
        serial = record.status["serial"] + 1
        successor = _instance(record, *place, serial=serial, attempt=attempt)
        successor["not_before"] = now + delay
        instances = [successor if each["task"] == instance["task"] else each for each in record.status["instances"]]
        serving = {
            variant: [each for each in members if each["task"] != instance["task"]]
            for variant, members in record.status.get("serving", {}).items()
        }
        self._write(record, status={**record.status, "instances": instances, "serving": serving, "serial": serial})
        # Only now: were it forgotten and still in the record, it would be started a second time.
        self._platform.forget(instance["task"])

    # Serving, and the end.

    def _serve(self, record: Record, healthy: Sequence[Instance]) -> float | None:
        """Everything that is wanted answers: route to it, then let go of the rest."""
        target = self._target(record)
        tasks = {each["task"] for each in healthy}
        serving: dict[str, list[dict[str, str]]] = {}
        for each in healthy:
            socket = self._platform.engine.address(each["task"])
            member = {"task": each["task"], "socket": str(socket), "log_stream": each["log_stream"]}
            serving.setdefault(each["variant"], []).append(member)
        since = record.status.get("resolved", self._platform.clock.now())
        status = {
            **record.status,
            "instances": [each if each["task"] in tasks else {**each, "retired": True} for each in _instances(record)],
            "serving": serving,
            "resolved": since,
            "current": target,
            "EndpointConfigName": target["EndpointConfigName"],
            "ProductionVariants": self._variants(target, serving, since),
        }
        if record.state != "RollingBack" and not _abandoned(record):
            status.pop("FailureReason", None)
            status.pop("abandoned", None)
        along: Sequence[Write] = ()
        if record.status.get("told") != target["generation"]:
            status["told"] = target["generation"]
            along = deployed(self._platform.store, record, target, self._platform.clock.now())
        record = self._write(record, state=LIFE.after(record.state, "serve"), status=status, along=along)
        retired = [each for each in _instances(record) if each.get("retired")]
        gone = {each["task"] for each in retired if self._retire(record, each)}
        if gone:
            left = [each for each in _instances(record) if each["task"] not in gone]
            self._write(record, status={**record.status, "instances": left})
        return _SERVING

    def _retire(self, record: Record, instance: Instance) -> bool:
        """Ask an instance to end; forget it when it has. Whether it is gone."""
        runs = self._runs(instance)
        self._carry_log(record, instance, ended=not runs)
        if runs:
            self._platform.engine.stop(instance["task"], grace=STOP_GRACE)
            self._watch(instance["task"], record.key)
            return False
        self._platform.forget(instance["task"])
        return True

    def _delete(self, record: Record) -> float | None:
        if [instance for instance in _instances(record) if not self._retire(record, instance)]:
            return _STARTING
        self._platform.store.delete(record)
        return None

    def _runs(self, instance: Instance) -> bool:
        return self._platform.engine.inspect(instance["task"]).phase == "running"

    # Records and words.

    def _variants(
        self, target: Mapping[str, Any], serving: Mapping[str, Sequence[Any]], since: float
    ) -> list[dict[str, Any]]:
        """ProductionVariants as DescribeEndpoint gives them."""
        described = []
        for variant in target["config"]["ProductionVariants"]:
            image = containers(target["models"][variant["ModelName"]])[0]["Image"]
            count = variant.get("InitialInstanceCount", 1)
            weight = variant.get("InitialVariantWeight", 1.0)
            described.append(
                {
                    "VariantName": variant["VariantName"],
                    "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": since}],
                    "CurrentWeight": weight,
                    "DesiredWeight": weight,
                    "CurrentInstanceCount": len(serving.get(variant["VariantName"], ())),
                    "DesiredInstanceCount": count,
                }
            )
        return described

    def _carry_log(self, record: Record, instance: Instance, *, ended: bool = False) -> None:
        group, stream = LOG_GROUP + record.name, instance["log_stream"]
        pump(self._platform, record, instance["task"], group=group, stream=stream, ended=ended)

    def _reason(self, record: Record, instance: Instance) -> str:
        lines = tail(last_lines(self._platform, instance["task"]), limit=600)
        return (
            f"The primary container for production variant {instance['variant']} did not pass the ping health check. "
            f"Please check CloudWatch logs for this endpoint. Its last lines: {lines}"
        )

    def _write(
        self, record: Record, *, state: str | None = None, status: Mapping[str, Any], along: Sequence[Write] = ()
    ) -> Record:
        changed = replace(record, state=state or record.state, status=status)
        if changed == record:
            return record
        if changed.state != record.state:
            changed = replace(changed, modified=self._platform.clock.now())
        try:
            return self._platform.store.write([("update", changed), *along])[0]
        except AlreadyExists as error:  # another endpoint has told of the same model meanwhile
            raise StaleRecord(str(error)) from error


def _instance(
    record: Record, generation: int, index: int, variant: str, number: int, *, serial: int, attempt: int = 1
) -> Instance:
    task = f"serve-{record.uid}-{generation}-{index}-{number}-{serial}"
    machine = "i-" + hashlib.sha256(task.encode()).hexdigest()[:17]
    return {
        "task": task,
        "variant": variant,
        "index": index,
        "generation": generation,
        "number": number,
        "serial": serial,
        "attempt": attempt,
        "log_stream": f"{variant}/{machine}",
    }


def _instances(record: Record) -> Sequence[Instance]:
    """All that may exist."""
    instances: Sequence[Instance] = record.status.get("instances", ())
    return instances


def _variant(target: Mapping[str, Any], instance: Instance) -> Mapping[str, Any]:
    """The production variant that an instance serves."""
    variants: Sequence[Mapping[str, Any]] = target["config"]["ProductionVariants"]
    return next(variant for variant in variants if variant["VariantName"] == instance["variant"])


def _wanted(record: Record, target: Mapping[str, Any]) -> list[Instance]:
    counts = {v["VariantName"]: v.get("InitialInstanceCount", 1) for v in target["config"]["ProductionVariants"]}
    return [
        each
        for each in _instances(record)
        if each["generation"] == target["generation"]
        and each["number"] < counts.get(each["variant"], 0)
        and not each.get("retired")
    ]


def _abandoned(record: Record) -> bool:
    """Whether the spec's generation did not come up. An update that is asked for after that is another try."""
    return record.state != "Updating" and record.status.get("abandoned") == record.spec["generation"]


def _may_be_replaced(record: Record, instance: Instance, task: TaskState) -> bool:
    """What others ended (a Ctrl-C of the server, a reboot) gets a successor. What ends by itself before it was
    healthy does not, unless there is nothing to go back to."""
    if record.state in _LASTING:
        return True
    by_others = task.phase == "lost" or (task.exit_code in _ENDED_BY_OTHERS and not task.out_of_memory)
    return by_others and instance["attempt"] < _ATTEMPTS


def _all(serving: Mapping[str, Sequence[Instance]]) -> list[Instance]:
    return [each for members in serving.values() for each in members]
