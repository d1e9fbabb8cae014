"""Endpoints, made so: one model server per instance of each variant, replaced when it dies.

An update starts the new generation beside the old one and switches over when all of it answers; if it does not come
up, the old one goes on. `status["instances"]` lists every task that may exist, written before it is started, so
that a server that was killed leaves nothing behind that the next one does not know of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import Terminal
from sagewright.controllers import model_task
from sagewright.controllers.health import answers_ping
from sagewright.controllers.platform import Platform, tail
from sagewright.controllers.pump import last_lines, pump
from sagewright.resources.endpoint import KIND, LIFE, LOG_GROUP
from sagewright.resources.record import Key, Record

STOP_GRACE: Final = 30.0
"""Seconds between SIGTERM and SIGKILL, as on AWS."""
HEALTH_TIMEOUT: Final = 240.0
"""Seconds in which a container must answer /ping, where the configuration says nothing."""
_STARTING: Final = 0.05
_SERVING: Final = 1.0
_LONGEST_REPLACEMENT: Final = 60.0

Instance = dict[str, Any]
"""task, variant, generation, number, attempt, log_stream, and not_before (epoch seconds) for replacements."""


class Endpoints:
    """The reconciler of endpoints."""

    kind = KIND
    settled = LIFE.settled

    def __init__(self, platform: Platform, wake: Callable[[Key], None]) -> None:
        self._platform = platform
        self._wake = wake

    def tasks(self, record: Record) -> Sequence[str]:
        return [instance["task"] for instance in record.status.get("instances", ())]

    def reconcile(self, record: Record) -> float | None:
        if record.intent == "delete":
            return self._delete(record)
        if record.state in LIFE.settled:
            for instance in record.status.get("instances", ()):
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
            for instance in record.status.get("instances", ()):
                self._carry_log(record, instance)
                self._platform.forget(instance["task"])
            status |= {"instances": [], "serving": {}}
        self._write(record, state=state, status=status)

    # What is wanted.

    def _target(self, record: Record) -> Mapping[str, Any]:
        """The generation to serve: the spec's, or the one before it when that one did not come up."""
        if record.status.get("abandoned") == record.spec["generation"]:
            current: Mapping[str, Any] = record.status["current"]
            return current
        return {member: record.spec[member] for member in ("generation", "config", "models", "EndpointConfigName")}

    def _plan(self, record: Record) -> Record:
        """Write down the instances that there should be, before any of them is started."""
        target = self._target(record)
        instances: list[Instance] = [dict(each) for each in record.status.get("instances", ())]
        here = {(each["variant"], each["number"]) for each in instances if each["generation"] == target["generation"]}
        for index, variant in enumerate(target["config"]["ProductionVariants"]):
            for number in range(variant.get("InitialInstanceCount", 1)):
                if (variant["VariantName"], number) not in here:
                    instances.append(_instance(record, target["generation"], index, variant["VariantName"], number))
        status = {**record.status, "instances": instances}
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
            self._carry_log(record, instance)
            task = self._platform.engine.inspect(instance["task"])
            if task.phase == "unknown":
                delay = instance.get("not_before", 0.0) - self._platform.clock.now()
                if delay <= 0:
                    self._start(record, target, instance)
                waiting.append(max(delay, _STARTING))
            elif task.phase == "running":
                self._platform.engine.watch(instance["task"], lambda: self._wake(record.key))
                if instance["task"] in serving or self._answers(instance):
                    healthy.append(instance)
                else:
                    self._give_up_if_late(record, target, instance, task.started)
                    waiting.append(_STARTING)
            elif record.state == "InService":
                self._replace(record, instance)
                waiting.append(0.0)
                break  # the record has a new version: look again from the start
            else:
                raise Terminal(self._reason(record, instance))
        return healthy, waiting

    def _start(self, record: Record, target: Mapping[str, Any], instance: Instance) -> None:
        variant = next(v for v in target["config"]["ProductionVariants"] if v["VariantName"] == instance["variant"])
        model = target["models"][variant["ModelName"]]
        task, notes = model_task.prepare(self._platform, record, instance["task"], model, variant)
        if notes:
            now = int(self._platform.clock.now() * 1000)
            lines = [(now, f"sagewright: {note}", 0) for note in notes]
            self._platform.logs.at(record.key.account, record.key.region).append_from(
                LOG_GROUP + record.name, instance["log_stream"], lines
            )
        self._platform.engine.start(task)
        self._platform.engine.watch(task.id, lambda: self._wake(record.key))

    def _answers(self, instance: Instance) -> bool:
        socket = self._platform.engine.address(instance["task"])
        return socket is not None and answers_ping(socket)

    def _give_up_if_late(
        self, record: Record, target: Mapping[str, Any], instance: Instance, started: float | None
    ) -> None:
        variant = next(v for v in target["config"]["ProductionVariants"] if v["VariantName"] == instance["variant"])
        limit = variant.get("ContainerStartupHealthCheckTimeoutInSeconds", HEALTH_TIMEOUT)
        if started is not None and self._platform.clock.now() - started > limit:
            raise Terminal(self._reason(record, instance))

    def _replace(self, record: Record, instance: Instance) -> None:
        """An instance that served has died: forget it, and start another, later each time it happens soon."""
        self._platform.forget(instance["task"])
        now = self._platform.clock.now()
        lasted = now - instance.get("planned", record.created)
        attempt = instance["attempt"] + 1 if lasted < _LONGEST_REPLACEMENT else 1
        delay = min(2.0 ** (attempt - 2), _LONGEST_REPLACEMENT) if attempt > 1 else 0.0
        place = (instance["generation"], instance["index"], instance["variant"], instance["number"])
        successor = _instance(record, *place, serial=instance["serial"] + 1, attempt=attempt)
        successor |= {"planned": now, "not_before": now + delay}
        instances = [successor if each["task"] == instance["task"] else each for each in record.status["instances"]]
        serving = {
            variant: [each for each in members if each["task"] != instance["task"]]
            for variant, members in record.status.get("serving", {}).items()
        }
        self._write(record, status={**record.status, "instances": instances, "serving": serving})

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
            "serving": serving,
            "resolved": since,
            "current": target,
            "EndpointConfigName": target["EndpointConfigName"],
            "ProductionVariants": self._variants(target, serving, since),
        }
        if record.state != "RollingBack" and record.status.get("abandoned") != record.spec["generation"]:
            status.pop("FailureReason", None)
        record = self._write(record, state=LIFE.after(record.state, "serve"), status=status)
        retired = [each for each in record.status["instances"] if each["task"] not in tasks]
        for each in retired:
            self._retire(record, each)
        if retired:
            left = [each for each in record.status["instances"] if each["task"] in tasks or self._runs(each)]
            self._write(record, status={**record.status, "instances": left})
        return _SERVING

    def _retire(self, record: Record, instance: Instance) -> None:
        """Ask an instance to end; forget it when it has."""
        self._carry_log(record, instance)
        if self._runs(instance):
            self._platform.engine.stop(instance["task"], grace=STOP_GRACE)
            self._platform.engine.watch(instance["task"], lambda: self._wake(record.key))
        else:
            self._platform.forget(instance["task"])

    def _delete(self, record: Record) -> float | None:
        instances = record.status.get("instances", ())
        for instance in instances:
            self._retire(record, instance)
        if any(self._runs(instance) for instance in instances):
            return _STARTING
        for instance in instances:
            self._platform.forget(instance["task"])
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
            container = target["models"][variant["ModelName"]]
            image = (container.get("PrimaryContainer") or container["Containers"][0])["Image"]
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

    def _carry_log(self, record: Record, instance: Instance) -> None:
        pump(self._platform, record, instance["task"], group=LOG_GROUP + record.name, stream=instance["log_stream"])

    def _reason(self, record: Record, instance: Instance) -> str:
        self._carry_log(record, instance)
        lines = tail(last_lines(self._platform, instance["task"]), limit=600)
        return (
            f"The primary container for production variant {instance['variant']} did not pass the ping health check. "
            f"Please check CloudWatch logs for this endpoint. Its last lines: {lines}"
        )

    def _write(self, record: Record, *, state: str | None = None, status: Mapping[str, Any]) -> Record:
        changed = replace(record, state=state or record.state, status=status)
        if changed == record:
            return record
        if changed.state != record.state:
            changed = replace(changed, modified=self._platform.clock.now())
        return self._platform.store.update(changed)


def _instance(
    record: Record, generation: int, index: int, variant: str, number: int, *, serial: int = 1, attempt: int = 1
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


def _wanted(record: Record, target: Mapping[str, Any]) -> list[Instance]:
    counts = {v["VariantName"]: v.get("InitialInstanceCount", 1) for v in target["config"]["ProductionVariants"]}
    return [
        each
        for each in record.status["instances"]
        if each["generation"] == target["generation"] and each["number"] < counts.get(each["variant"], 0)
    ]


def _all(serving: Mapping[str, Sequence[Instance]]) -> list[Instance]:
    return [each for members in serving.values() for each in members]
