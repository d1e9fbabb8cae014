"""Which model servers stand behind an endpoint, and whose turn it is.

Routes are made from records when these change; a request itself touches no store.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Final

from sagewright.dataplane.inference import multi_model
from sagewright.dataplane.inference.ask import Ask, Reply
from sagewright.dataplane.inference.capture import Captures
from sagewright.dataplane.inference.connection import Unreachable
from sagewright.dataplane.inference.demand import Demand
from sagewright.dataplane.inference.meter import MINUTE, Meter
from sagewright.dataplane.inference.models import Folders
from sagewright.dataplane.inference.routes import Instance, Instances, Route, Variant
from sagewright.dataplane.inference.sessions import NEW, BadSession, NoSuchSession, Sessions
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


class Asynchronous(Exception):
    """The endpoint answers asynchronous requests only."""


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


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a request may go."""

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
        demand: Demand | None = None,
        sessions: Sessions | None = None,
    ) -> None:
        """`meter` counts the requests, `captures` keeps some of them, `folders` is where endpoints of many models have
        theirs; without `demand`, nothing serverless grows."""
        self._store, self._demand = store, demand
        self._routes: dict[Place, Route] = {}
        self._components: dict[Place, Route] = {}
        self._of_kind = {endpoint.KIND: self._routes, inference_component.KIND: self._components}
        self._instances = Instances(meter=meter, captures=captures, folders=folders)
        if meter is not None:
            meter.ask(self._tell_models, every=MINUTE)
        self._leads = False
        self._sessions = sessions or Sessions()
        self._copies = Copies()
        self._changing = threading.Lock()

    def follow(self) -> None:
        """Read all endpoints and inference components, and from now on every change."""
        self._store.subscribe(self._changed)
        self._store.look_anew(self._look_anew)
        for kind, routes in self._of_kind.items():
            for record in self._store.unsettled(kind, ()):
                routes[_place(record.key)] = self._route(record)

    def lead(self) -> None:
        """Of the servers that share a store, this one knows from now on who waits for serverless endpoints, and which
        models instances have."""
        self._leads = True
        self._sessions.begin()
        if self._demand is not None:
            self._demand.follow()

    def _tell_models(self, now: float) -> None:
        if self._leads:
            self._instances.tell_models(now)

    async def kept_by_one(self, place: Place, request: Mapping[str, Any]) -> bool:
        """Whether what the endpoint's instances are at, or hold, is known to one of several servers only."""
        if place not in self._routes:
            await asyncio.to_thread(self._changed, _key(place))
        route = self._routes.get(place)
        return route is not None and ("SessionId" in request or route.kept_by_one)

    def _look_anew(self) -> None:
        """Changes of other servers may have gone unheard."""
        for kind, routes in self._of_kind.items():
            there = {record.key for record in self._store.unsettled(kind, ())}
            known = {Key(account, region, kind, "", name) for account, region, name in list(routes)}
            for key in there | known:
                self._changed(key)

    def close(self) -> None:
        """Leave to the next server what it would not find out."""
        self._sessions.close()

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
        if self._demand is not None:
            self._demand.changed(key)

    def _route(self, record: Record) -> Route:
        if record.key.kind == inference_component.KIND:
            return self._instances.route(record, record.status["InferenceComponentArn"], record.spec["EndpointName"])
        return self._instances.route(record, record.status["EndpointArn"])

    async def invoke(self, place: Place, ask: Ask) -> Invoked:
        """See `_invoke`. Before a request is refused for what this server has not heard of, the store is asked."""
        try:
            return await self._invoke(place, ask)
        except (NoSuchEndpoint, NoSuchVariant, ComponentError, NotServing) as error:
            if self._store.local or (isinstance(error, NotServing) and error.passing):
                raise
        await asyncio.to_thread(self._read_anew, place, ask.component)
        return await self._invoke(place, ask)

    def _read_anew(self, place: Place, component: str | None) -> None:
        self._changed(_key(place))
        if component is not None:
            self._changed(Key(place[0], place[1], inference_component.KIND, "", component))

    async def _invoke(self, place: Place, ask: Ask) -> Invoked:
        """Have an instance of the endpoint answer.

        One that cannot be reached is passed over, as long as it cannot have begun the work; while instances that died
        are being replaced, the request waits a while for one.
        Raises Asynchronous, NoSuchVariant, NoSuchContainer, NoSuchModel, ModelNotReady, NotServing, Throttled,
        Unreachable, TimeoutError, and what `route` raises; NoSuchSession and BadSession where sessions are spoken of.
        """
        if ask.session is not None:
            return await self._in_session(place, ask, ask.session)
        end = time.monotonic() + REPLACEMENT_TIME
        while True:
            route = self.route(place, ask.component)
            try:
                variant = _choose(route, ask.variant)
                multi_model.check(variant, ask, place[2])
                if self._demand is not None and variant.concurrency is not None:
                    return await self._elastic(self._demand, place, variant, variant.concurrency, ask)
                invoked = await _try(route, variant, ask)
            except (NotServing, Unreachable) as error:
                begun = isinstance(error, Unreachable) and error.sent
                if begun or route.state not in _LIVE or time.monotonic() > end:
                    raise
            else:
                if invoked.variant.shadowed_by is not None:
                    self._copies.send(invoked.variant, ask)
                return invoked
            await asyncio.sleep(0.05)

    async def _in_session(self, place: Place, ask: Ask, session: str) -> Invoked:
        """Have the instance answer that the session is at; of one that is to begin, any."""
        if session == NEW:
            if _choose(self.route(place, ask.component), ask.variant).concurrency is not None:
                raise NotServing("Serverless endpoints hold no sessions.", passing=False)
            invoked = await self._invoke(place, replace(ask, session=None))
        else:
            route = self.route(place, ask.component)
            task = self._sessions.task(place, session, time.time())
            found = next((each for each in route.placed if each[1].task == task), None)
            if found is None:
                self._sessions.forget(place, session)
                raise NoSuchSession(session)
            multi_model.check(found[0], ask, place[2])
            invoked = Invoked(await _asked(*found, ask), *found, route)
        try:
            self._sessions.follow(place, invoked.instance.task, invoked.reply.headers)
        except BadSession:
            if invoked.reply.rest is not None:
                await invoked.reply.rest.aclose()
            raise
        return invoked

    async def _elastic(self, demand: Demand, place: Place, variant: Variant, limit: int, ask: Ask) -> Invoked:
        """Have a serverless variant answer: on an instance that does nothing else meanwhile, and may start first."""
        passed: set[str] = set()
        with ExitStack() as holds:
            pressure = holds.enter_context(demand.entered(_key(place), variant.name, limit, variant.provisioned))
            while True:
                spot = await demand.free(pressure, lambda: self._spot(place, variant.name, passed))
                holds.callback(_leave, spot.instance)
                try:
                    reply = await multi_model.answer(spot.variant, spot.instance, ask)
                except Unreachable as error:
                    if error.sent:
                        raise
                    passed.add(spot.instance.task)
                    continue
                return Invoked(_held(reply, holds), spot.variant, spot.instance, spot.route)

    def _spot(self, place: Place, variant: str, passed: Collection[str]) -> _Spot | None:
        """An instance that does nothing, the oldest first, so that the others become idle."""
        route = self.route(place)
        if route.state not in _LIVE:
            raise NotServing(f"The endpoint is {route.state}.", passing=False)
        found = _choose(route, variant)
        for instance in found.instances:
            if not instance.outstanding and instance.task not in passed:
                return _Spot(found, instance, route)
        return None


def _place(key: Key) -> Place:
    return key.account, key.region, key.name


def _key(place: Place) -> Key:
    account, region, name = place
    return Key(account, region, endpoint.KIND, "", name)


async def _try(route: Route, variant: Variant, ask: Ask) -> Invoked:
    refused: Unreachable | None = None
    for instance in await multi_model.instances(variant, ask):
        try:
            return Invoked(await _asked(variant, instance, ask), variant, instance, route)
        except Unreachable as error:
            if error.sent:
                raise
            refused = error
    raise refused or NotServing(f"Variant {variant.name} has no instance in service.", passing=route.state in _LIVE)


async def _asked(variant: Variant, instance: Instance, ask: Ask) -> Reply:
    """What an instance answers; it is at the request until all of the answer has come."""
    rest = None
    instance.outstanding += 1
    try:
        reply = await multi_model.answer(variant, instance, ask)
        rest = reply.rest
    except Unreachable:
        instance.doubt()
        raise
    finally:
        if rest is None:
            _leave(instance)
        else:
            rest.then(lambda _failed: _leave(instance))
    return reply


def _held(reply: Reply, holds: ExitStack) -> Reply:
    """What is held for a request is let go when all of the answer has come."""
    if reply.rest is not None:
        left = holds.pop_all()
        reply.rest.then(lambda _failed: left.close())
    return reply


def _leave(instance: Instance) -> None:
    instance.outstanding -= 1


def _choose(route: Route, target: str | None) -> Variant:
    if route.asynchronous:
        raise Asynchronous
    if target is None:
        variant = route.chosen()
        if variant is None:
            raise NotServing(f"The endpoint is {route.state}.", passing=route.state in _LIVE)
        return variant
    variant = route.named(target)
    if variant is None:
        raise NoSuchVariant(target)
    return variant
