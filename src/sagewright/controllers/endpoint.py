"""Endpoints, made so: a fleet of model servers for each variant, and the routes to them.

An update starts the next generation beside the one that serves. How one takes the other's place, at once or in stages
that bake, and how it is rolled back, is said by `resources/deployment.py`; `rollout.py` reads it off the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import Terminal, Transient
from sagewright.controllers import hosting, metering
from sagewright.controllers.deployment import deployed
from sagewright.controllers.fleet import DRAIN, STARTING, Fleet, Look, Wanted, instances_of, tasks_of
from sagewright.controllers.generation import Generation, Members, without_described
from sagewright.controllers.platform import Platform
from sagewright.controllers.rollout import NOTE, PENDING, TARGET, Rollout, rollout, trouble, turned_back
from sagewright.controllers.room import Room
from sagewright.controllers.serverless import Serverless
from sagewright.resources import routing
from sagewright.resources.endpoint import KIND, LIFE, LOG_GROUP, variants
from sagewright.resources.record import Key, Record
from sagewright.store.base import Write

_SERVING: Final = 1.0
"""Seconds between two looks at an endpoint in service, and at the alarms of a deployment."""
_NO_CAPACITY: Final = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. Please retry using a "
    "different ML instance type or after some time."
)
_LASTING: Final = ("InService", "RollingBack")
"""States that no instance's failure ends: there is nothing else to go to."""


class Endpoints:
    """The reconciler of endpoints."""

    kind = KIND
    settled = LIFE.settled

    def __init__(self, platform: Platform, wake: Callable[[Key], None], room: Room) -> None:
        """`room` is where jobs have their places."""
        self._platform = platform
        self._room = room
        room.remember(self._known, turns=False)
        self._fleet = Fleet(platform, wake, log_group=LOG_GROUP)
        self._serverless = Serverless(platform, wake)

    def tasks(self, record: Record) -> Sequence[str]:
        return tasks_of(record)

    def reconcile(self, record: Record) -> float | None:
        if record.intent == "delete":
            return self._delete(record)
        if record.state in LIFE.settled:
            self._room.leave(record)
            self._fleet.forget_all(record)
            return None
        if not self._room.occupy(record, _types(record), always=record.state in _LASTING):
            raise Terminal(_NO_CAPACITY)
        found = rollout(record, self._platform.clock.now())
        return self._hold(record, _target(record)) if found is None else self._roll(record, found)

    def fail(self, record: Record, reason: str) -> None:
        """An instance of the wanted generation cannot come up."""
        event = "fail" if record.state == "Creating" or "current" in record.status else "abandon"
        if record.intent == "delete" or not LIFE.allows(record.state, event):
            return
        state = LIFE.after(record.state, event)
        status = {**record.status, "FailureReason": reason[:1024]}
        if state == "RollingBack":
            status["abandoned"] = record.spec["generation"]
            status |= turned_back(record, self._platform.clock.now())
        else:
            # The instances are forgotten by the look that this write asks for: not before it is written down.
            self._fleet.carry_logs(record)
            status["serving"] = []
            status.pop(PENDING, None)
        self._fleet.write(record, state=state, status=status)

    def _known(self) -> Iterator[tuple[Record, Sequence[str], bool]]:
        """The endpoints that there are when the server starts, for the room."""
        if self._room.strict:
            for record in self._platform.store.unsettled(KIND, self.settled):
                if instances_of(record):
                    yield record, _types(record), True

    # One generation.

    def _hold(self, record: Record, target: Generation) -> float:
        """Have what a generation needs, and route to it."""
        wanted = self._serverless.fitted(record, target.wanted())
        record = self._plan(record, target, wanted, _awaited(record, target))
        look = self._fleet.look(record, wanted, lasting=record.state in _LASTING)
        if look is None:
            return 0.0
        if look.waiting and record.state != "InService":
            return min(look.waiting)
        record = self._serve(record, target, look)
        return min((*look.waiting, _next_end(record)))

    def _plan(self, record: Record, target: Generation, wanted: Sequence[Wanted], more: Mapping[str, Any]) -> Record:
        """Write down the instances that there should be, before any of them is started."""
        platform, every = self._platform, variants(target.target["config"])
        hosts = hosting.hosts(record, every, platform.store, platform.machine, platform.clock.now())
        return self._fleet.write(record, status={**self._fleet.plan(record, wanted), "hosts": hosts, **more})

    def _serve(self, record: Record, target: Generation, look: Look) -> Record:
        """Route to what answers, then let go of what is not wanted any more."""
        members = _with_hosts(record, self._fleet.members(look.healthy))
        now = self._platform.clock.now()
        since = record.status.get("resolved", now)
        status = {
            **without_described(record.status),
            "instances": self._fleet.retired(record, self._serverless.fitted(record, target.wanted())),
            "serving": [target.entry(members)],
            "resolved": since,
            "current": target.target,
            **self._serverless.proven(record, target.target),
            "EndpointConfigName": target.target["EndpointConfigName"],
            **target.described(members, since),
        }
        for over in (NOTE, PENDING):
            status.pop(over, None)
        if record.state != "RollingBack" and not _abandoned(record):
            status.pop("FailureReason", None)
            status.pop("abandoned", None)
        along: Sequence[Write] = ()
        if record.status.get("told") != target.number:
            status["told"] = target.number
            along = deployed(self._platform.store, record, target.target, now)
        record = self._fleet.write(record, state=LIFE.after(record.state, "serve"), status=status, along=along)
        return self._fleet.let_go(record)

    # One generation takes another's place.

    def _roll(self, record: Record, found: Rollout) -> float:
        """The next step of a deployment, or of its way back."""
        wanted_old, wanted_new = self._both(record, found)
        record = self._plan(record, found.winner, [*wanted_old, *wanted_new], {NOTE: found.noted()})
        now = self._platform.clock.now()
        new = self._fleet.look(record, wanted_new, lasting=found.course.back)
        old = None if new is None else self._look_at_old(record, found)
        if old is None or new is None:
            return 0.0
        reason = trouble(self._platform.store, record, found, now, new.healthy)
        if reason is not None:
            self.fail(record, reason)
            return 0.0
        standing = old if found.course.back else new
        progress = found.course.advance(found.progress, now, lambda stage: found.stands(stage, standing.healthy))
        if progress is None:
            return _next_end(self._serve(record, found.winner, standing))
        record = self._share(record, replace(found, progress=progress), old, new)
        return min((*old.waiting, *new.waiting, _next_end(record)))

    def _both(self, record: Record, found: Rollout) -> tuple[Sequence[Wanted], Sequence[Wanted]]:
        """What is wanted now of the old generation, and of the new one."""
        fitted = self._serverless.fitted
        return fitted(record, found.wanted_old), fitted(record, found.wanted_new)

    def _look_at_old(self, record: Record, found: Rollout) -> Look | None:
        wanted, _ = self._both(record, found)
        try:
            return self._fleet.look(record, wanted, lasting=True)
        except Transient:
            if found.course.back:
                raise
            # What cannot be replaced must not keep the new generation from taking over.
            serving = {member["task"] for member in routing.all_members(record.status.get("serving", ()))}
            held = [each for each in instances_of(record) if any(one.holds(each) for one in wanted)]
            return Look([each for each in held if each["task"] in serving], [_SERVING])

    def _share(self, record: Record, found: Rollout, old: Look, new: Look) -> Record:
        """Route to both generations as it is their turn."""
        wanted_old, wanted_new = self._both(record, found)
        of_old, of_new = (
            _with_hosts(
                record, self._fleet.members([each for each in look.healthy if any(one.holds(each) for one in wanted)])
            )
            for look, wanted in ((old, wanted_old), (new, wanted_new))
        )
        serving = [found.old.entry(of_old, share=1 - found.share)]
        if found.share > 0:
            serving.append(found.new.entry(of_new, share=found.share))
        status = {
            **without_described(record.status),
            "instances": self._fleet.retired(record, [*wanted_old, *wanted_new]),
            "serving": serving,
            NOTE: found.noted(),
            **found.described(of_old, of_new, record.status["resolved"]),
        }
        return self._fleet.let_go(self._fleet.write(record, status=status))

    # The end.

    def _delete(self, record: Record) -> float | None:
        if [instance for instance in instances_of(record) if not self._fleet.retire(record, instance)]:
            deleting = {"Status": "Deleting", "StartTime": record.modified}
            told = _target(record).described({}, record.modified, status=lambda _name: deleting)
            self._fleet.write(record, status={**without_described(record.status), **told})
            return STARTING
        self._room.leave(record)
        used = metering.of_deleted(record, self._platform.clock.now())
        self._platform.store.write([("delete", record), *used])
        return None


def _types(record: Record) -> Sequence[str]:
    """The instances that an endpoint has or is to have. While one generation takes another's place, both have some."""
    serving, wanted = record.status.get("current", {}).get("config"), record.spec["config"]
    both = [wanted] if serving is None or record.state not in ("Updating", "RollingBack") else [serving, wanted]
    return [
        variant["InstanceType"]
        for config in both
        for variant in variants(config)
        if "InstanceType" in variant
        for _ in range(int(variant.get("InitialInstanceCount", 1)))
    ]


def _target(record: Record) -> Generation:
    """The generation to serve: the spec's, or the one before it when that one did not come up."""
    if _abandoned(record):
        return Generation(record.status["current"])
    return Generation({member: record.spec[member] for member in TARGET})


def _abandoned(record: Record) -> bool:
    """Whether the spec's generation did not come up. An update that is asked for after that is another try."""
    return record.state != "Updating" and record.status.get("abandoned") == record.spec["generation"]


def _awaited(record: Record, target: Generation) -> Mapping[str, Any]:
    """What is told of a generation that does not serve as it should yet."""
    if record.state not in ("Creating", "Updating"):
        return {}
    creating = record.state == "Creating" or "current" not in record.status
    status = {"Status": "Creating" if creating else "Updating", "StartTime": record.modified}
    table = {each["name"]: each for entry in record.status.get("serving", ()) for each in entry["variants"]}
    told = target.described(
        _with_hosts(record, {name: each["members"] for name, each in table.items()}),
        record.status.get("resolved", record.modified),
        status=lambda _name: status,
        weights={name: each["weight"] for name, each in table.items()},
    )
    if not creating:
        return told
    pending = {"EndpointConfigName": target.target["EndpointConfigName"], "StartTime": record.modified}
    return {**told, PENDING: {**pending, **told}}


def _with_hosts(record: Record, members: Members) -> Members:
    return {**members, **record.status.get("hosts", {})}


def _next_end(record: Record) -> float:
    """In how many seconds to look at an endpoint that serves."""
    return DRAIN if any(each.get("retired") for each in instances_of(record)) else _SERVING
