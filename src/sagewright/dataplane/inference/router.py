"""Which model servers stand behind an endpoint, and whose turn it is.

Routes are made from endpoint records when these change; a request itself touches no store.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from sagewright.dataplane.inference.connection import Pool, Reply, Unreachable
from sagewright.resources.endpoint import KIND
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store

READ_TIMEOUT = 60.0
"""Seconds that a model server may take for one request, as on AWS."""
REPLACEMENT_TIME = 15.0
"""Seconds that a request waits for an instance that takes the place of a dead one."""
_LIVE = ("InService", "Updating", "RollingBack")


class NoSuchEndpoint(LookupError):
    """No endpoint has this name."""


class NotServing(Exception):
    """The endpoint exists, but nothing of it can answer now."""


class NoSuchVariant(LookupError):
    """The endpoint has no variant of this name."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One model server."""

    task: str
    pool: Pool
    log_stream: str


@dataclass(frozen=True, slots=True)
class Variant:
    name: str
    weight: float
    instances: Sequence[Instance]
    turn: count[int]


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint as the hot path sees it."""

    state: str
    arn: str
    variants: Sequence[Variant]


@dataclass(frozen=True, slots=True)
class Invoked:
    """A model server's answer, and who gave it."""

    reply: Reply
    variant: str
    instance: Instance
    route: Route


class Router:
    """Routes by (account, region, endpoint). `follow` keeps them true to the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._routes: dict[tuple[str, str, str], Route] = {}
        self._pools: dict[str, Pool] = {}
        self._changing = threading.Lock()

    def follow(self) -> None:
        """Read all endpoints, and from now on every change."""
        self._store.subscribe(self._changed)
        for record in self._store.unsettled(KIND, ()):
            self._put(record)

    def _changed(self, key: Key) -> None:
        if key.kind != KIND:
            return
        place = (key.account, key.region, key.name)
        # Two writers may announce at once: what was read later must also be put later.
        with self._changing:
            before = self._routes.get(place)
            record = self._store.get(key)
            if record is None:
                self._routes.pop(place, None)
            else:
                self._put(record)
            # Connections to servers that ended close themselves; only their pools are left to forget.
            for gone in _sockets(before) - _sockets(self._routes.get(place)):
                self._pools.pop(gone, None)

    def _put(self, record: Record) -> None:
        place = (record.key.account, record.key.region, record.key.name)
        self._routes[place] = self._route(record)

    def _route(self, record: Record) -> Route:
        variants = []
        serving: Mapping[str, Sequence[Mapping[str, Any]]] = record.status.get("serving", {})
        for variant in record.status.get("ProductionVariants", ()):
            instances = [
                Instance(each["task"], self._pool(each["socket"]), each["log_stream"])
                for each in serving.get(variant["VariantName"], ())
            ]
            weight = float(variant.get("CurrentWeight", 1.0))
            variants.append(Variant(variant["VariantName"], weight, instances, count()))
        return Route(record.state, record.status["EndpointArn"], variants)

    def _pool(self, socket: str) -> Pool:
        return self._pools.setdefault(socket, Pool(socket))

    async def invoke(
        self, place: tuple[str, str, str], request: bytes, *, target_variant: str | None = None
    ) -> Invoked:
        """Send a whole HTTP request to an instance of the endpoint at (account, region, name).

        An instance that cannot be reached is passed over, as long as it cannot have begun the work; while instances
        that died are being replaced, the request waits a while for one.
        Raises NoSuchEndpoint, NoSuchVariant, NotServing, Unreachable, TimeoutError.
        """
        end = time.monotonic() + REPLACEMENT_TIME
        while True:
            route = self._routes.get(place)
            if route is None:
                raise NoSuchEndpoint(place[2])
            try:
                return await self._try(route, place[2], request, target_variant)
            except (NotServing, Unreachable) as error:
                begun = isinstance(error, Unreachable) and error.sent
                if begun or route.state not in _LIVE or time.monotonic() > end:
                    raise
            await asyncio.sleep(0.05)

    async def _try(self, route: Route, name: str, request: bytes, target_variant: str | None) -> Invoked:
        variant = _choose(route, target_variant)
        for attempt in range(len(variant.instances)):
            instance = variant.instances[next(variant.turn) % len(variant.instances)]
            try:
                reply = await instance.pool.exchange(request, timeout=READ_TIMEOUT)
            except Unreachable as error:
                if error.sent or attempt == len(variant.instances) - 1:
                    raise
                continue
            return Invoked(reply, variant.name, instance, route)
        raise NotServing(f"Variant {variant.name} of endpoint {name} has no instance in service.")


def _sockets(route: Route | None) -> set[str]:
    return {each.pool.socket for variant in (route.variants if route else ()) for each in variant.instances}


def _choose(route: Route, target: str | None) -> Variant:
    if target is not None:
        for variant in route.variants:
            if variant.name == target:
                return variant
        raise NoSuchVariant(target)
    able = [variant for variant in route.variants if variant.instances and variant.weight > 0]
    if not able:
        raise NotServing(f"The endpoint is {route.state}.")
    if len(able) == 1:
        return able[0]
    # Weighted at random, as AWS splits traffic: exact shares only in the long run.
    return random.choices(able, [variant.weight for variant in able])[0]  # noqa: S311
