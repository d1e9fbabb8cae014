"""Asynchronous invocations, made so: each waits its turn, is answered by an instance of its endpoint, and is gone.

What is looked at is the endpoint: its backlog, and which of its instances have room. A thread carries each invocation
out (`async_answer.py`). The record goes in the commit that writes down the notice of its end, so an invocation that a
killed server was at is carried out again, and none is told of twice.
"""

from __future__ import annotations

import logging
import random
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, Final

from sagewright.base.errors import SagewrightError
from sagewright.controllers.async_answer import Answering, Place, Result
from sagewright.controllers.async_metrics import observe_backlog
from sagewright.controllers.backlog import Backlog
from sagewright.controllers.platform import Platform
from sagewright.dataplane.events.bus import Bus
from sagewright.resources.async_invocation import KIND, body_key
from sagewright.resources.endpoint import KIND as ENDPOINT
from sagewright.resources.endpoint import LIFE
from sagewright.resources.model import containers
from sagewright.resources.record import Key, Record
from sagewright.resources.routing import all_members
from sagewright.store.base import Query, Write

_log = logging.getLogger(__name__)
_LATER: Final = 1.0
"""Seconds until one is tried again that met something that was away."""
_MOST_EXPIRED: Final = 8
"""Of those that have waited for too long, how many are told of at once."""


@dataclass(slots=True)
class _Queue:
    """Of one endpoint."""

    uid: str
    backlog: Backlog = field(default_factory=Backlog)
    instances: int = 0
    """That serve."""


class AsyncInvocations:
    """The reconciler of endpoints' backlogs."""

    kind = ENDPOINT
    settled = LIFE.settled

    def __init__(self, platform: Platform, bus: Bus, wake: Callable[[Key], None]) -> None:
        self._platform, self._wake = platform, wake
        self._folder = platform.tasks.parent / "async"
        shutil.rmtree(self._folder, ignore_errors=True)  # bodies that a killed server was at
        self._answering = Answering(platform, bus, self._folder)
        self._backlogs: dict[Key, _Queue] = {}
        """By the endpoint's key."""
        self._count = count()
        platform.store.subscribe(self._written)
        platform.store.look_anew(self._look_anew)
        platform.meter.ask(self._observe)

    def tasks(self, record: Record) -> Sequence[str]:
        return ()

    def reconcile(self, record: Record) -> float | None:
        config = record.status.get("current", {}).get("config", {}).get("AsyncInferenceConfig")
        if record.intent == "delete":
            self._drop(record)
            return None
        if config is None and record.key not in self._backlogs:
            return None
        queue = self._queue(record)
        backlog = queue.backlog
        queue.instances = sum(1 for _ in all_members(record.status.get("serving", ())))
        for late in backlog.expire(self._platform.clock.now(), most=_MOST_EXPIRED - backlog.busy.get("", 0)):
            self._run(record, backlog, late, None)
        while backlog.waiting and (places := _places(record, config or {}, backlog.busy)):
            place = _choose(places)
            if (name := backlog.take(place.task)) is not None:
                self._run(record, backlog, name, place)
        end = backlog.next_end()
        return None if end is None else max(end - self._platform.clock.now(), _LATER)

    def fail(self, record: Record, reason: str) -> None:
        """Nothing of an endpoint's own fails with its backlog."""
        _log.error("endpoint %s: its backlog could not be looked at: %s", record.name, reason)

    def forget(self, key: Key) -> None:
        """The endpoint went before it was seen that it was going."""
        queue = self._backlogs.pop(key, None)
        if queue is not None:
            self._platform.background.stop(_prefix(queue.uid))
            for record in self._stored(key):
                if record.spec["endpoint"] == queue.uid:
                    self._remove(record)

    # Who waits.

    def _queue(self, endpoint: Record) -> _Queue:
        """The endpoint's own, with all that the store has at first."""
        known = self._backlogs.get(endpoint.key)
        if known is not None and known.uid == endpoint.uid:
            return known
        queue = self._backlogs[endpoint.key] = _Queue(endpoint.uid)  # from here on, what is written is added
        for record in self._stored(endpoint.key):
            if record.spec["endpoint"] == endpoint.uid:
                queue.backlog.add(record.name)
            else:
                self._remove(record)
        return queue

    def _stored(self, endpoint: Key) -> Sequence[Record]:
        query = Query(endpoint.account, endpoint.region, KIND, parent=endpoint.name)
        return list(self._platform.store.every(query))

    def _written(self, key: Key) -> None:
        """The store's listener: an invocation came, or has gone."""
        if key.kind != KIND:
            return
        endpoint = Key(key.account, key.region, ENDPOINT, "", key.parent)
        known = self._backlogs.get(endpoint)
        if known is not None:
            known.backlog.add(key.name)
        self._wake(endpoint)

    def _look_anew(self) -> None:
        """Some may have come unheard."""
        for endpoint, queue in list(self._backlogs.items()):
            for record in self._stored(endpoint):
                if record.spec["endpoint"] == queue.uid:
                    queue.backlog.add(record.name)
            self._wake(endpoint)

    def _observe(self, now: float) -> None:
        for key, queue in list(self._backlogs.items()):
            observe_backlog(self._platform.meter, key, queue.backlog, queue.instances, now)

    def _drop(self, endpoint: Record) -> None:
        """The endpoint is being deleted: nobody answers what still waits."""
        self._platform.background.stop(_prefix(endpoint.uid))
        for record in self._stored(endpoint.key):
            self._remove(record)
        self._backlogs.pop(endpoint.key, None)

    def _remove(self, record: Record) -> None:
        store = self._platform.store
        writes: list[Write] = [("delete", record)]
        if (body := store.get(body_key(record.key))) is not None:
            writes.append(("delete", body))
        try:
            store.write(writes)
        except SagewrightError as error:
            _log.warning("invocation %s could not be removed: %s", record.name, error)

    # Carrying out.

    def _run(self, endpoint: Record, backlog: Backlog, name: str, place: Place | None) -> None:
        """Have a thread carry an invocation out, or end it because it has waited too long (no place)."""
        work = partial(self._carry_out, endpoint, backlog, name, place)
        # The thread of the try before may not have ended yet.
        self._platform.background.start(f"{_prefix(endpoint.uid)}{name}/{next(self._count)}", work)

    def _carry_out(
        self, endpoint: Record, backlog: Backlog, name: str, place: Place | None, stop: threading.Event
    ) -> None:
        key = endpoint.key._replace(kind=KIND, parent=endpoint.name, name=name)
        result = Result.LATER
        try:
            result = self._answering.answer(key, place, stop)
        except Exception:  # noqa: BLE001 - a thread's border: the invocation stays
            _log.exception("invocation %s of endpoint %s failed in us", name, endpoint.name)
        if result is Result.LATER:
            stop.wait(_LATER)
        if result is Result.DONE:
            backlog.done(name)
        else:
            backlog.put_back(name)
        self._wake(endpoint.key)


def _prefix(endpoint: str) -> str:
    return f"async/{endpoint}/"


def _places(endpoint: Record, config: Mapping[str, Any], busy: Mapping[str, int]) -> list[Place]:
    """The instances that take one more, with what they need to be told."""
    current = endpoint.status.get("current", {})
    found = []
    for entry in endpoint.status.get("serving", ()):
        for variant in entry["variants"]:
            settings = {each["VariantName"]: each for each in current["config"]["ProductionVariants"]}
            model = current["models"].get(settings.get(variant["name"], {}).get("ModelName", ""), {})
            limit = config.get("ClientConfig", {}).get("MaxConcurrentInvocationsPerInstance") or _workers(model)
            weight = 0.0 if variant["shadow"] else variant["weight"] * entry["share"]
            for member in variant["members"] if weight and model else ():
                if busy.get(member["task"], 0) < limit:
                    found.append(
                        Place(
                            member["task"],
                            member["sockets"],
                            member["log_stream"],
                            variant["name"],
                            weight,
                            busy.get(member["task"], 0),
                        )
                    )
    return found


def _workers(model: Mapping[str, Any]) -> int:
    """Where the configuration says nothing, an instance gets as many as its model server works at: what waits inside
    of it would use up its time."""
    told = containers(model)[0].get("Environment", {}).get("SAGEMAKER_MODEL_SERVER_WORKERS", "1") if model else "1"
    return max(int(told), 1) if told.isdigit() else 1


def _choose(places: Sequence[Place]) -> Place:
    """The one with the least to do, of a variant by weight."""
    weights = {place.variant: place.weight for place in places}
    variant = random.choices(list(weights), list(weights.values()))[0]  # noqa: S311
    return min((place for place in places if place.variant == variant), key=lambda place: place.busy)
