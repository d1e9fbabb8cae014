"""Inference components, made so: a fleet of copies of one model, each placed on an instance of its endpoint.

A new specification's copies start beside the old ones and take their place, all at once or in batches that bake; when
one does not come up, or an alarm goes off, the old ones go on. `copies.py` reads that off the record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sagewright.base.errors import Terminal, Transient
from sagewright.controllers import hosting
from sagewright.controllers.copies import NOTE, Rollout, Target, copies_of, rollout, target_of, trouble, turned_back
from sagewright.controllers.fleet import DRAIN, STARTING, Fleet, Look, Wanted, instances_of, tasks_of
from sagewright.controllers.placement import Placed, capacity, packs, place, required, room
from sagewright.controllers.platform import Platform
from sagewright.resources import endpoint, routing
from sagewright.resources.inference_component import KIND, LIFE, LOG_GROUP, served, was_rolled_back
from sagewright.resources.record import Key, Record

_SERVING: Final = 1.0
"""Seconds between two looks at a component in service, or at one that waits for room."""
_NO_ROOM: Final = (
    "There is not enough hardware resources on the instances for this endpoint to create a copy of the inference "
    "component."
)


@dataclass(frozen=True, slots=True)
class _Host:
    """Where a component is: its endpoint, and the variant of it."""

    record: Record
    variant: Mapping[str, Any]

    @property
    def numbers(self) -> Sequence[int]:
        """The variant's instances."""
        return hosting.numbers(self.record, self.variant["VariantName"])


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
        found, host = rollout(record, self._platform.clock.now()), self._host(record)
        record = self._place(record, _shares(record, found), host)
        wanted = _wanted(record, host)
        note = {} if found is None else {NOTE: found.noted()}
        record = self._fleet.write(record, status={**self._fleet.plan(record, wanted), **note})
        look = self._look(record, wanted, found)
        if look is None:
            return 0.0
        if found is None:
            record = self._hold(record, wanted, host, look)
        else:
            record = self._roll(record, found, wanted, host, look)
        over = DRAIN if any(each.get("retired") for each in instances_of(record)) else _SERVING
        return min((*look.waiting, over))

    def fail(self, record: Record, reason: str) -> None:
        """A copy of the wanted generation cannot come up, or must not stay."""
        if record.intent == "delete" or record.state not in ("Creating", "Updating"):
            return
        status = {**record.status, "FailureReason": reason[:1024]}
        if record.state == "Creating":
            # The copies are forgotten by the look that this write asks for: not before it is written down.
            self._fleet.carry_logs(record)
            status |= {"serving": [], "placement": [], "RuntimeConfig": _counted(record, 0)}
            self._fleet.write(record, state=LIFE.after(record.state, "fail"), status=status)
        else:
            status["abandoned"] = record.spec["update"]
            self._fleet.write(record, status={**status, **turned_back(record, self._platform.clock.now())})

    # Room.

    def _host(self, record: Record) -> _Host:
        found = self._platform.store.get(record.key._replace(kind=endpoint.KIND, name=record.spec["EndpointName"]))
        if found is None:
            raise Transient(f"The endpoint {record.spec['EndpointName']} is not there.")
        name = record.spec["VariantName"]
        return _Host(
            found, next(each for each in endpoint.variants(found.spec["config"]) if each["VariantName"] == name)
        )

    def _place(self, record: Record, shares: Sequence[Placed], host: _Host) -> Record:
        """Write down where the copies go. Raises Terminal when no instance could ever hold one."""
        before = hosting.placements(record)
        if [*shares] == [*before] and all(not one.short and set(one.hosts) <= {*host.numbers} for one in before):
            return record
        kind = host.variant["InstanceType"]
        whole = capacity(kind, self._platform.machine)
        for each in shares:
            if not each.size.fits(whole) and record.state != "InService":
                raise Terminal(f"{_NO_ROOM} It needs {each.size}; an {kind} has {whole}.")
        left = room(whole, host.numbers, self._others(record, host))
        placed = [place(each, left) for each in shares]
        if placed == [*before]:
            return record
        noted = {"placement": [each.noted() for each in placed], "short": sum(each.short for each in placed)}
        return self._fleet.write(record, status={**record.status, **noted}, along=[("update", host.record)])

    def _others(self, record: Record, host: _Host) -> Sequence[Placed]:
        """The copies of the other components on the same instances."""
        return [
            placed
            for other in hosting.components_of(self._platform.store, host.record.key)
            if other.key != record.key and other.spec["VariantName"] == host.variant["VariantName"]
            for placed in hosting.placements(other)
        ]

    # Service.

    def _look(self, record: Record, wanted: Sequence[Wanted], found: Rollout | None) -> Look | None:
        """What there is of all generations; None: the record has a new version to look at."""
        looks = []
        for each in wanted:
            look = self._fleet.look(record, [each], lasting=_lasts(record, each.generation, found))
            if look is None:
                return None
            looks.append(look)
        return Look(
            [instance for look in looks for instance in look.healthy],
            [delay for look in looks for delay in look.waiting],
        )

    def _hold(self, record: Record, wanted: Sequence[Wanted], host: _Host, look: Look) -> Record:
        """Route to what answers of the only generation, then let go of what is not wanted any more."""
        target = target_of(served(record))
        shares = {target["generation"]: 1.0}
        status = self._found(record, wanted, look, self._table(record, wanted, host, look, shares))
        if not look.waiting and not status.get("short"):
            return self._settle(record, target, status)
        if status.get("short"):
            status["FailureReason"] = _shortage(record)
        return self._fleet.let_go(self._fleet.write(record, status=status))

    def _roll(self, record: Record, found: Rollout, wanted: Sequence[Wanted], host: _Host, look: Look) -> Record:
        """The next step of an update, or of its way back. Raises Terminal when it is to go back."""
        now = self._platform.clock.now()
        reason = trouble(self._platform.store, record, found, now)
        if reason is not None:
            raise Terminal(reason)
        progress = found.course.advance(found.progress, now, lambda stage: found.stands(stage, look.healthy))
        if progress is None:
            wanted = [each for each in wanted if each.generation == found.winner["generation"]]
            table = self._table(record, wanted, host, look, {found.winner["generation"]: 1.0})
            return self._settle(record, found.winner, self._found(record, wanted, look, table))
        found = replace(found, progress=progress)
        table = self._table(record, wanted, host, look, found.shares)
        status = {**self._found(record, wanted, look, table), NOTE: found.noted()}
        if status.get("short") and not found.course.back:
            status["FailureReason"] = _shortage(record)
        return self._fleet.let_go(self._fleet.write(record, status=status))

    def _settle(self, record: Record, target: Target, status: dict[str, Any]) -> Record:
        """All is as it should be."""
        status["current"] = target
        status.pop(NOTE, None)
        if not was_rolled_back(record):
            status.pop("FailureReason", None)
            status.pop("abandoned", None)
        return self._fleet.let_go(self._fleet.write(record, state=LIFE.after(record.state, "serve"), status=status))

    def _found(self, record: Record, kept: Sequence[Wanted], look: Look, table: routing.Serving) -> dict[str, Any]:
        """The status as it is found, with all that is not kept retired."""
        return {
            **record.status,
            "instances": self._fleet.retired(record, kept),
            "serving": table,
            "resolved": record.status.get("resolved", self._platform.clock.now()),
            "RuntimeConfig": _counted(record, sum(any(one.holds(each) for one in kept) for each in look.healthy)),
        }

    def _table(
        self, record: Record, wanted: Sequence[Wanted], host: _Host, look: Look, shares: Mapping[int, float]
    ) -> routing.Serving:
        """The routing table; [] for a component without copies.

        A generation whose copies have all died stays in it, so that requests wait for those that replace them.
        """
        known = {entry["generation"] for entry in record.status.get("serving", ())}
        entries = []
        for each in wanted:
            share = shares.get(each.generation, 0.0)
            own = [instance for instance in look.healthy if each.holds(instance)]
            if share and (own or (each.count and each.generation in known)):
                variant = {
                    **routing.variant(each.settings, each.model, self._fleet.members(own).get(each.variant, ())),
                    **routing.observed(host.record.spec["config"], each.model["ExecutionRoleArn"]),
                }
                entries.append(routing.generation(each.generation, [variant], share=share))
        return entries

    def _delete(self, record: Record) -> float | None:
        if [instance for instance in instances_of(record) if not self._fleet.retire(record, instance)]:
            return STARTING
        self._platform.store.delete(record)
        return None


def _lasts(record: Record, generation: int, found: Rollout | None) -> bool:
    """Whether no copy's failure ends what goes on: the model has come up before, or there is nothing to go back to."""
    current = record.status.get("current")
    came_up = current is not None and current["generation"] == generation
    return came_up or (found is not None and found.course.back)


def _shares(record: Record, found: Rollout | None) -> Sequence[Placed]:
    """How many copies of which generation there should be now, where those that there are have their places."""
    target = target_of(served(record))
    hosts = {each.generation: each.hosts for each in hosting.placements(record)}
    return [
        Placed(
            each["generation"],
            required(each["Specification"]),
            count,
            hosts.get(each["generation"], ()),
            packs(each["Specification"]),
        )
        for each, count in ([(target, copies_of(target))] if found is None else found.counts)
        if count
    ]


def _wanted(record: Record, host: _Host) -> Sequence[Wanted]:
    """Those copies that have a place."""
    generations = {each["generation"]: each for each in (target_of(record.spec), record.status.get("current")) if each}
    return [
        Wanted(
            each.generation,
            0,
            host.variant["VariantName"],
            len(each.hosts),
            generations[each.generation]["model"],
            _settings(generations[each.generation]["Specification"], host.variant),
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


def _shortage(record: Record) -> str:
    waiting = next(each for each in hosting.placements(record) if each.short)
    return f"{_NO_ROOM} {waiting.short} of {waiting.wanted} wait for room: a copy needs {waiting.size}."


def _counted(record: Record, healthy: int) -> Mapping[str, int]:
    return {"DesiredCopyCount": copies_of(target_of(served(record))), "CurrentCopyCount": healthy}
