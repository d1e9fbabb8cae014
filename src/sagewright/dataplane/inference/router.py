"""Which model servers stand behind an endpoint, and whose turn it is.

Routes are made from records when these change; a request itself touches no store.
"""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
from typing import Final

from sagewright.dataplane.inference import multi_model
from sagewright.dataplane.inference.ask import Ask, Reply
from sagewright.dataplane.inference.capture import Captures
from sagewright.dataplane.inference.connection import Unreachable
from sagewright.dataplane.inference.meter import Meter
from sagewright.dataplane.inference.models import Folders
from sagewright.dataplane.inference.routes import Instance, Instances, Route, Variant
from sagewright.dataplane.inference.shadow import Copies
from sagewright.resources.endpoint import KIND
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store

REPLACEMENT_TIME: Final = 15.0
"""Seconds that a request waits for an instance that takes the place of a dead one."""
_LIVE: Final = ("InService", "Updating", "RollingBack")

Place = tuple[str, str, str]
"""Account, region, name."""


class NoSuchEndpoint(LookupError):
    """No endpoint has this name."""


class NotServing(Exception):
    """The endpoint exists, but nothing of it can answer now. `passing`: it is in service, and instances are coming."""

    def __init__(self, message: str, *, passing: bool) -> None:
        super().__init__(message)
        self.passing = passing


class NoSuchVariant(LookupError):
    """The endpoint has no variant of this name."""


@dataclass(frozen=True, slots=True)
class Invoked:
    """A model server's answer, and who gave it."""

    reply: Reply
    variant: Variant
    instance: Instance
    route: Route


class Router:
    """Routes of endpoints. `follow` keeps them true to the store."""

    def __init__(
        self,
        store: Store,
        meter: Meter | None = None,
        captures: Captures | None = None,
        folders: Folders | None = None,
    ) -> None:
        """`meter` counts the requests, `captures` keeps some of them, `folders` is where endpoints of many models have
        theirs."""
        self._store = store
        self._routes: dict[Place, Route] = {}
        self._instances = Instances(meter=meter, captures=captures, folders=folders)
        if meter is not None:
            meter.ask(self._instances.tell_models)
        self._copies = Copies()
        self._changing = threading.Lock()

    def follow(self) -> None:
        """Read all endpoints, and from now on every change."""
        self._store.subscribe(self._changed)
        for record in self._store.unsettled(KIND, ()):
            self._routes[_place(record.key)] = self._route(record)

    def route(self, place: Place) -> Route:
        """Raises NoSuchEndpoint."""
        route = self._routes.get(place)
        if route is None:
            raise NoSuchEndpoint(place[2])
        return route

    def _changed(self, key: Key) -> None:
        if key.kind != KIND:
            return
        # Two writers may announce at once: what was read later must also be put later.
        with self._changing:
            before = self._routes.get(_place(key))
            record = self._store.get(key)
            after = None if record is None else self._route(record)
            if after is None:
                self._routes.pop(_place(key), None)
            else:
                self._routes[_place(key)] = after
            self._instances.forget(before, after)

    def _route(self, record: Record) -> Route:
        return self._instances.route(record, record.status["EndpointArn"])

    async def invoke(self, place: Place, ask: Ask) -> Invoked:
        """Have an instance of the endpoint answer.

        One that cannot be reached is passed over, as long as it cannot have begun the work; while instances that died
        are being replaced, the request waits a while for one.
        Raises NoSuchEndpoint, NoSuchVariant, NoSuchContainer, NoSuchModel, ModelNotReady, NotServing, Unreachable,
        TimeoutError.
        """
        end = time.monotonic() + REPLACEMENT_TIME
        while True:
            route = self.route(place)
            try:
                invoked = await _try(route, place[2], ask)
            except (NotServing, Unreachable) as error:
                begun = isinstance(error, Unreachable) and error.sent
                if begun or route.state not in _LIVE or time.monotonic() > end:
                    raise
            else:
                if invoked.variant.shadowed_by is not None:
                    self._copies.send(invoked.variant, ask)
                return invoked
            await asyncio.sleep(0.05)


def _place(key: Key) -> Place:
    return key.account, key.region, key.name


async def _try(route: Route, endpoint: str, ask: Ask) -> Invoked:
    variant = _choose(route, ask.variant)
    refused: Unreachable | None = None
    for instance in await multi_model.instances(variant, ask, endpoint):
        instance.outstanding += 1
        try:
            return Invoked(await multi_model.answer(variant, instance, ask), variant, instance, route)
        except Unreachable as error:
            if error.sent:
                raise
            refused = error
        finally:
            instance.outstanding -= 1
    raise refused or NotServing(f"Variant {variant.name} has no instance in service.", passing=route.state in _LIVE)


def _choose(route: Route, target: str | None) -> Variant:
    if target is None:
        variant = route.chosen()
        if variant is None:
            raise NotServing(f"The endpoint is {route.state}.", passing=route.state in _LIVE)
        return variant
    variant = route.named(target)
    if variant is None:
        raise NoSuchVariant(target)
    return variant
