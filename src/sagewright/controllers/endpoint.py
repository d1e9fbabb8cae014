"""Endpoints, made so: a fleet of model servers for each production variant, and the routes to them.

An update starts the new generation beside the old one and switches over when all of it answers; if it does not come
up, the old one goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sagewright.controllers import hosting
from sagewright.controllers.deployment import deployed
from sagewright.controllers.fleet import STARTING, Fleet, Look, Wanted, instances_of, tasks_of
from sagewright.controllers.platform import Platform
from sagewright.resources import data_capture, routing
from sagewright.resources.endpoint import KIND, LIFE, LOG_GROUP, hosts_components
from sagewright.resources.model import containers
from sagewright.resources.record import Key, Record
from sagewright.store.base import Write

_SERVING: Final = 1.0
"""Seconds between two looks at an endpoint in service."""
_LASTING: Final = ("InService", "RollingBack")
"""States that no instance's failure ends: there is nothing else to go to."""


class Endpoints:
    """The reconciler of endpoints."""

    kind = KIND
    settled = LIFE.settled

    def __init__(self, platform: Platform, wake: Callable[[Key], None]) -> None:
        self._platform = platform
        self._fleet = Fleet(platform, wake, log_group=LOG_GROUP)

    def tasks(self, record: Record) -> Sequence[str]:
        return tasks_of(record)

    def reconcile(self, record: Record) -> float | None:
        if record.intent == "delete":
            return self._delete(record)
        if record.state in LIFE.settled:
            self._fleet.forget_all(record)
            return None
        target = _target(record)
        wanted = _wanted(target)
        record = self._plan(record, target, wanted)
        look = self._fleet.look(record, wanted, lasting=record.state in _LASTING)
        if look is None:
            return 0.0
        if look.waiting and record.state != "InService":
            return min(look.waiting)
        self._serve(record, target, wanted, look)
        return min((*look.waiting, _SERVING))

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
            self._fleet.carry_logs(record)
            status["serving"] = []
        self._fleet.write(record, state=state, status=status)

    def _plan(self, record: Record, target: Mapping[str, Any], wanted: Sequence[Wanted]) -> Record:
        """Write down the instances that there should be, before any of them is started."""
        status = dict(self._fleet.plan(record, wanted))
        if "ProductionVariants" not in status:
            status |= _described(target, {}, {}, record.modified)
        return self._fleet.write(record, status=status)

    def _serve(self, record: Record, target: Mapping[str, Any], wanted: Sequence[Wanted], look: Look) -> None:
        """Route to what answers, then let go of what is not wanted any more."""
        members = self._fleet.members(look.healthy)
        now = self._platform.clock.now()
        since = record.status.get("resolved", now)
        variants = target["config"]["ProductionVariants"]
        hosts = hosting.hosts(record, variants, self._platform.store, self._platform.machine, now)
        status = {
            **{member: value for member, value in record.status.items() if member != "DataCaptureConfig"},
            "instances": [
                each if any(one.holds(each) for one in wanted) else {**each, "retired": True}
                for each in instances_of(record)
            ],
            "serving": [_generation(target, members)],
            "resolved": since,
            "current": target,
            "EndpointConfigName": target["EndpointConfigName"],
            "hosts": hosts,
            **_described(target, members, hosts, since),
        }
        if record.state != "RollingBack" and not _abandoned(record):
            status.pop("FailureReason", None)
            status.pop("abandoned", None)
        along: Sequence[Write] = ()
        if record.status.get("told") != target["generation"]:
            status["told"] = target["generation"]
            along = deployed(self._platform.store, record, target, now)
        record = self._fleet.write(record, state=LIFE.after(record.state, "serve"), status=status, along=along)
        self._fleet.let_go(record)

    def _delete(self, record: Record) -> float | None:
        if [instance for instance in instances_of(record) if not self._fleet.retire(record, instance)]:
            return STARTING
        self._platform.store.delete(record)
        return None


def _target(record: Record) -> Mapping[str, Any]:
    """The generation to serve: the spec's, or the one before it when that one did not come up."""
    if _abandoned(record):
        current: Mapping[str, Any] = record.status["current"]
        return current
    return {member: record.spec[member] for member in ("generation", "config", "models", "EndpointConfigName")}


def _abandoned(record: Record) -> bool:
    """Whether the spec's generation did not come up. An update that is asked for after that is another try."""
    return record.state != "Updating" and record.status.get("abandoned") == record.spec["generation"]


def _wanted(target: Mapping[str, Any]) -> Sequence[Wanted]:
    """What a generation needs."""
    return [
        Wanted(
            target["generation"],
            index,
            variant["VariantName"],
            variant.get("InitialInstanceCount", 1),
            target["models"][variant["ModelName"]],
            variant,
        )
        for index, variant in enumerate(target["config"]["ProductionVariants"])
        if not hosts_components(variant)
    ]


def _generation(target: Mapping[str, Any], members: Mapping[str, Sequence[routing.Member]]) -> Mapping[str, Any]:
    """The routing table's entry for a generation."""
    variants = []
    for variant in target["config"]["ProductionVariants"]:
        if hosts_components(variant):
            variants.append(routing.host(variant))
            continue
        model = target["models"][variant["ModelName"]]
        table = routing.variant(variant, model, members.get(variant["VariantName"], ()))
        variants.append({**table, **routing.observed(target["config"], model["ExecutionRoleArn"])})
    return routing.generation(target["generation"], variants)


def _described(
    target: Mapping[str, Any], members: Mapping[str, Sequence[routing.Member]], hosts: hosting.Hosts, since: float
) -> dict[str, Any]:
    """The variants as DescribeEndpoint gives them."""
    described = []
    for variant in target["config"]["ProductionVariants"]:
        name, weight = variant["VariantName"], variant.get("InitialVariantWeight", 1.0)
        if hosts_components(variant):
            own = hosting.described(variant, len(hosts.get(name, ())))
        else:
            own = {
                "DeployedImages": [
                    {"SpecifiedImage": each["Image"], "ResolvedImage": each["Image"], "ResolutionTime": since}
                    for each in containers(target["models"][variant["ModelName"]])
                ],
                "CurrentInstanceCount": len(members.get(name, ())),
                "DesiredInstanceCount": variant.get("InitialInstanceCount", 1),
            }
        kept = {member: variant[member] for member in ("RoutingConfig",) if member in variant}
        described.append({"VariantName": name, "CurrentWeight": weight, "DesiredWeight": weight, **own, **kept})
    captured = data_capture.summary(target["config"])
    return {"ProductionVariants": described, **({} if captured is None else {"DataCaptureConfig": captured})}
