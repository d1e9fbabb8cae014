"""Inference components, made so: a fleet of copies of one model, each placed on an instance of its endpoint.

A new specification's copies start beside the old ones and take their place batch by batch; when one does not come up,
or an alarm goes off, the old ones go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sagewright.base.errors import Terminal, Transient
from sagewright.controllers import hosting, rollout
from sagewright.controllers.fleet import STARTING, Fleet, Instance, Look, Wanted, instances_of, tasks_of
from sagewright.controllers.placement import Placed, capacity, packs, place, required, room
from sagewright.controllers.platform import Platform
from sagewright.resources import alarm, endpoint, routing
from sagewright.resources.inference_component import KIND, LIFE, LOG_GROUP, served, was_rolled_back
from sagewright.resources.record import Key, Record

_SERVING: Final = 1.0
"""Seconds between two looks at a component in service, or at one that waits for room."""

Target = Mapping[str, Any]
"""A generation: its number, model, Specification and RuntimeConfig."""


class InferenceComponents:
    """The reconciler of inference components."""

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
        target, now = _target(record), self._platform.clock.now()
        rolling = _rolling(record, target, now)
        if rolling is not None:
            self._check(record, rolling, now)
        host, settings = self._host(record)
        record = self._place(record, _shares(record, target, rolling), host, settings)
        wanted = _wanted(record, target, settings)
        record = self._fleet.write(record, status=self._fleet.plan(record, wanted))
        look = self._fleet.look(record, wanted, lasting=_lasts(record, target))
        if look is None:
            return 0.0
        status = self._status(record, target, wanted, look)
        status["serving"] = self._table(record, host, wanted, look.healthy)
        self._serve(record, target, rolling, status, look)
        return min((*look.waiting, _SERVING))

    def fail(self, record: Record, reason: str) -> None:
        """A copy of the wanted generation cannot come up, or must not stay."""
        if record.intent == "delete" or record.state not in ("Creating", "Updating"):
            return
        status = {**record.status, "FailureReason": reason[:1024]}
        if record.state == "Creating":
            # The copies are forgotten by the look that this write asks for: not before it is written down.
            self._fleet.carry_logs(record)
            status |= {"serving": [], "placement": [], **_counted(record, 0)}
            self._fleet.write(record, state=LIFE.after(record.state, "fail"), status=status)
        else:
            status["abandoned"] = record.spec["update"]
            self._fleet.write(record, status=status)

    def _check(self, record: Record, rolling: rollout.Rollout, now: float) -> None:
        """Raises Terminal when a rollout has to be rolled back."""
        config = record.spec.get("DeploymentConfig", {})
        if rollout.is_late(rolling, config, now):
            raise Terminal("The update took longer than its MaximumExecutionTimeoutInSeconds and was rolled back.")
        for each in config.get("AutoRollbackConfiguration", {}).get("Alarms", ()):
            for kind in alarm.TYPES:
                found = self._platform.store.get(record.key._replace(kind=kind, name=each["AlarmName"]))
                if found is not None and found.state == alarm.ALARM:
                    raise Terminal(f"The alarm {found.name} went off during the update, which was rolled back.")

    # Room.

    def _host(self, record: Record) -> tuple[Record, Mapping[str, Any]]:
        """The endpoint, and its variant that the component is on."""
        host = self._platform.store.get(record.key._replace(kind=endpoint.KIND, name=record.spec["EndpointName"]))
        if host is None:
            raise Transient(f"The endpoint {record.spec['EndpointName']} is not there.")
        variants = host.spec["config"]["ProductionVariants"]
        return host, next(each for each in variants if each["VariantName"] == record.spec["VariantName"])

    def _place(self, record: Record, shares: Sequence[Placed], host: Record, settings: Mapping[str, Any]) -> Record:
        """Write down where the copies go. Raises Terminal when no instance could ever hold one."""
        there = hosting.numbers(host, settings["VariantName"])
        before = hosting.placements(record)
        if [*shares] == [*before] and all(not one.short and set(one.hosts) <= {*there} for one in before):
            return record
        whole = capacity(settings["InstanceType"], self._platform.machine)
        for each in shares:
            if not each.size.fits(whole) and record.state != "InService":
                raise Terminal(f"{_NO_ROOM} It needs {each.size}; an {settings['InstanceType']} has {whole}.")
        others = [
            one
            for sibling in hosting.components_of(self._platform.store, host.key)
            if sibling.key != record.key and sibling.spec["VariantName"] == settings["VariantName"]
            for one in hosting.placements(sibling)
        ]
        left = room(whole, there, others)
        placed = [place(each, left) for each in shares]
        if placed == [*before]:
            return record
        status = {
            **record.status,
            "placement": [each.noted() for each in placed],
            "short": sum(each.short for each in placed),
        }
        return self._fleet.write(record, status=status, along=[("update", host)])

    # Service.

    def _status(self, record: Record, target: Target, wanted: Sequence[Wanted], look: Look) -> dict[str, Any]:
        """What was found, with all that is not wanted any more retired."""
        return {
            **record.status,
            "instances": [
                each if any(one.holds(each) for one in wanted) else {**each, "retired": True}
                for each in instances_of(record)
            ],
            "resolved": record.status.get("resolved", self._platform.clock.now()),
            **_counted(record, len(look.healthy), target),
        }

    def _serve(
        self, record: Record, target: Target, rolling: rollout.Rollout | None, status: dict[str, Any], look: Look
    ) -> None:
        """Go on with the rollout and write down `status`, then let go of what is retired."""
        now, short = self._platform.clock.now(), status.get("short", 0)
        if rolling is not None:
            healthy = sum(each["generation"] == target["generation"] for each in look.healthy)
            copies = target["RuntimeConfig"]["CopyCount"]
            rolling = rollout.advanced(rolling, healthy, copies, record.spec.get("DeploymentConfig", {}), now)
            status["rollout"] = rolling
        if rolling is None:
            status.pop("rollout", None)
        state = record.state
        if rolling is None and not look.waiting and not short:
            state = LIFE.after(state, "serve")
            status["current"] = target
            if not was_rolled_back(record):
                status.pop("FailureReason", None)
                status.pop("abandoned", None)
        elif short:
            status["FailureReason"] = _shortage(record, short)
        self._fleet.let_go(self._fleet.write(record, state=state, status=status))

    def _table(
        self, record: Record, host: Record, wanted: Sequence[Wanted], healthy: Sequence[Instance]
    ) -> routing.Serving:
        """The routing table: each generation takes the share of the requests that its copies are of all.

        A generation whose copies have all died stays in it, so that requests wait for those that replace them.
        """
        entries = []
        known = {entry["generation"] for entry in record.status.get("serving", ())}
        for each in wanted:
            own = [instance for instance in healthy if instance["generation"] == each.generation]
            if own or (each.count and each.generation in known):
                members = self._fleet.members(own).get(each.variant, ())
                variant = {
                    **routing.variant(each.settings, each.model, members),
                    **routing.observed(host.spec["config"], each.model["ExecutionRoleArn"]),
                }
                entries.append(routing.generation(each.generation, [variant], share=len(own) / max(len(healthy), 1)))
        return entries

    def _delete(self, record: Record) -> float | None:
        if [instance for instance in instances_of(record) if not self._fleet.retire(record, instance)]:
            return STARTING
        self._platform.store.delete(record)
        return None


_NO_ROOM: Final = (
    "There is not enough hardware resources on the instances for this endpoint to create a copy of the inference "
    "component."
)


def _shortage(record: Record, short: int) -> str:
    size = hosting.placements(record)[-1].size
    return f"{_NO_ROOM} {short} wait for room: a copy needs {size}."


def _target(record: Record) -> Target:
    """The generation to serve: the spec's, or the one before it when that one did not come up."""
    spec = served(record)
    return {member: spec[member] for member in ("generation", "model", "Specification", "RuntimeConfig")}


def _lasts(record: Record, target: Target) -> bool:
    """Whether no copy's failure ends it: the model has come up before."""
    current = record.status.get("current")
    return current is not None and current["generation"] == target["generation"]


def _rolling(record: Record, target: Target, now: float) -> rollout.Rollout | None:
    """The rollout that is under way, if one is."""
    current = record.status.get("current")
    if current is None or current["generation"] == target["generation"]:
        return None
    config = record.spec.get("DeploymentConfig", {})
    copies = target["RuntimeConfig"]["CopyCount"]
    return rollout.begun(record.status.get("rollout"), target["generation"], copies, config, now)


def _shares(record: Record, target: Target, rolling: rollout.Rollout | None) -> Sequence[Placed]:
    """How many copies of which generation there should be now, where those that there are have their places."""
    copies = target["RuntimeConfig"]["CopyCount"]
    wanted = [(target, copies)]
    if rolling is not None:
        current = record.status["current"]
        stay = rollout.staying(rolling, copies, current["RuntimeConfig"]["CopyCount"])
        wanted = [(current, stay), (target, rolling["up"])]
    hosts = {each.generation: each.hosts for each in hosting.placements(record)}
    return [
        Placed(
            each["generation"],
            required(each["Specification"]),
            count,
            hosts.get(each["generation"], ()),
            packs(each["Specification"]),
        )
        for each, count in wanted
        if count
    ]


def _wanted(record: Record, target: Target, variant: Mapping[str, Any]) -> Sequence[Wanted]:
    """Those copies that have a place."""
    generations = {each["generation"]: each for each in (record.status.get("current", target), target)}
    return [
        Wanted(
            each.generation,
            0,
            variant["VariantName"],
            len(each.hosts),
            generations[each.generation]["model"],
            _settings(generations[each.generation]["Specification"], variant),
        )
        for each in hosting.placements(record)
    ]


def _settings(specification: Mapping[str, Any], variant: Mapping[str, Any]) -> Mapping[str, Any]:
    """What there is to know of the instances' variant, with what the specification says of a copy."""
    kept = ("VariantName", "InstanceType", "RoutingConfig")
    return {
        **{member: variant[member] for member in kept if member in variant},
        **specification.get("StartupParameters", {}),
        "ComputeResourceRequirements": specification["ComputeResourceRequirements"],
    }


def _counted(record: Record, healthy: int, target: Target | None = None) -> Mapping[str, Any]:
    desired = (target or record.spec)["RuntimeConfig"]["CopyCount"]
    return {"RuntimeConfig": {"DesiredCopyCount": desired, "CurrentCopyCount": healthy}}
