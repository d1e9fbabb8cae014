"""Which model servers stand behind an endpoint, and whose turn it is.

Routes are made from records when these change; a request itself touches no store.
"""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
from typing import Final

from sagewright.dataplane.inference import observed
from sagewright.dataplane.inference.ask import Ask, Reply
from sagewright.dataplane.inference.capture import Captures
from sagewright.dataplane.inference.connection import Unreachable
from sagewright.dataplane.inference.meter import Meter
from sagewright.dataplane.inference.routes import Instance, Instances, Route, Variant
from sagewright.dataplane.inference.shadow import Copies
from sagewright.resources import endpoint, inference_component
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


class ComponentError(Exception):
    """A request cannot be sent to an inference component."""


class NoSuchComponent(ComponentError):
    """The endpoint has no inference component of this name."""


class ComponentMissing(ComponentError):
    """The endpoint's requests must name an inference component."""


class ComponentUnwanted(ComponentError):
    """The endpoint has a model of its own: its requests name no inference component."""


class NoCapacity(ComponentError):
    """The inference component has no copies."""


@dataclass(frozen=True, slots=True)
class Invoked:
    """A model server's answer, and who gave it."""

    reply: Reply
    variant: Variant
    instance: Instance
    route: Route


class Router:
    """Routes of endpoints. `follow` keeps them true to the store."""

    def __init__(self, store: Store, meter: Meter | None = None, captures: Captures | None = None) -> None:
        """`meter` counts the requests, `captures` keeps some of them."""
        self._store = store
        self._routes: dict[Place, Route] = {}
        self._components: dict[Place, Route] = {}
        self._of_kind = {endpoint.KIND: self._routes, inference_component.KIND: self._components}
        self._instances = Instances(meter=meter, captures=captures)
        self._copies = Copies()
        self._changing = threading.Lock()

    def follow(self) -> None:
        """Read all endpoints and inference components, and from now on every change."""
        self._store.subscribe(self._changed)
        for kind, routes in self._of_kind.items():
            for record in self._store.unsettled(kind, ()):
                routes[_place(record.key)] = self._route(record)

    def route(self, place: Place, component: str | None = None) -> Route:
        """The endpoint's, or that of the inference component which a request names.

        Raises NoSuchEndpoint, ComponentMissing, ComponentUnwanted, NoSuchComponent, NoCapacity.
        """
        route = self._routes.get(place)
        if route is None:
            raise NoSuchEndpoint(place[2])
        if component is None:
            if route.hosts_components:
                raise ComponentMissing(place[2])
            return route
        if route.generations and not route.hosts_components:
            raise ComponentUnwanted(place[2])
        found = self._components.get((*place[:2], component))
        if found is None or found.endpoint != place[2]:
            raise NoSuchComponent(component)
        if not found.generations:
            raise NoCapacity(component)
        return found

    def _changed(self, key: Key) -> None:
        routes = self._of_kind.get(key.kind)
        if routes is None:
            return
        # Two writers may announce at once: what was read later must also be put later.
        with self._changing:
            before = routes.get(_place(key))
            record = self._store.get(key)
            after = None if record is None else self._route(record)
            if after is None:
                routes.pop(_place(key), None)
            else:
                routes[_place(key)] = after
            self._instances.forget(before, after)

    def _route(self, record: Record) -> Route:
        if record.key.kind == inference_component.KIND:
            return self._instances.route(record, record.status["InferenceComponentArn"], record.spec["EndpointName"])
        return self._instances.route(record, record.status["EndpointArn"])

    async def invoke(self, place: Place, ask: Ask) -> Invoked:
        """Have an instance of the endpoint answer.

        One that cannot be reached is passed over, as long as it cannot have begun the work; while instances that died
        are being replaced, the request waits a while for one.
        Raises NoSuchVariant, NoSuchContainer, NotServing, Unreachable, TimeoutError, and what `route` raises.
        """
        end = time.monotonic() + REPLACEMENT_TIME
        while True:
            route = self.route(place, ask.component)
            try:
                invoked = await _try(route, ask)
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


async def _try(route: Route, ask: Ask) -> Invoked:
    variant = _choose(route, ask.variant)
    refused: Unreachable | None = None
    for instance in variant.in_turn():
        instance.outstanding += 1
        try:
            return Invoked(await observed.answer(variant, instance, ask), variant, instance, route)
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
