"""The routing table as the hot path sees it: values made of `status["serving"]` (`resources/routing.py`)."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sagewright.dataplane.inference.capture import Captured, Captures
from sagewright.dataplane.inference.connection import Pool
from sagewright.dataplane.inference.invocations import CONTAINERS, SERVERLESS, Invocations
from sagewright.dataplane.inference.meter import INVOCATIONS, MINUTE, UTILIZATION, Meter
from sagewright.dataplane.inference.models import Folders, Models, Source
from sagewright.resources import routing
from sagewright.resources.record import Key, Record

_DOUBT_S: Final = 5.0


@dataclass(slots=True)
class Instance:
    """The model servers of one instance. The same object as long as it serves, whatever else changes."""

    task: str
    containers: Sequence[Pool]
    log_stream: str
    outstanding: int = 0
    """Requests that it is at."""
    counted: Invocations | None = None
    """Its own metrics, where the endpoint has enhanced ones."""
    models: Models | None = None
    """What it has loaded, where it serves many models."""
    doubted_until: float = 0.0
    """Others go before it until this moment (monotonic): it has just broken off, and may be gone."""

    def doubt(self) -> None:
        """It broke off. Whoever tries the request again should not meet it again, however soon that is: an instance on
        a machine that is gone still has an address until its end is known."""
        self.doubted_until = time.monotonic() + _DOUBT_S


@dataclass(slots=True)
class Variant:
    """Instances that are alike: a production variant in one generation, or the copies of an inference component."""

    name: str
    weight: float
    shadow: bool
    mode: str
    """`single`, `multi-model`, `serial`, `direct`, or `components` for one that has no model of its own."""
    hostnames: Sequence[str]
    """What its containers are called."""
    instances: Sequence[Instance]
    table: Mapping[str, Any]
    """Its entry in the routing table, with whatever else is told of it."""
    routing: str | None = None
    """The strategy of its RoutingConfig."""
    shadowed_by: Variant | None = None
    """Who gets copies of a sample of its requests: as large as its weight is to this one's."""
    turn: int = 0
    counted: Sequence[Invocations] = ()
    """Its metrics."""
    by_container: Sequence[Invocations] = ()
    """Those of its containers, where there are several."""
    captured: Captured | None = None
    """Where its requests are captured."""

    @property
    def concurrency(self) -> int | None:
        """Requests that a serverless variant takes at once; None for the others."""
        serverless = self.table.get("serverless")
        return None if serverless is None else serverless["MaxConcurrency"]

    @property
    def provisioned(self) -> int:
        """How many instances a serverless variant keeps ready."""
        return int(self.table["serverless"].get("ProvisionedConcurrency", 0))

    def in_turn(self) -> Sequence[Instance]:
        """All of them, in the order in which they are to be tried."""
        count = len(self.instances)
        if count < 2:
            return self.instances
        if self.routing == routing.RANDOM:
            turned = random.sample(self.instances, count)
        else:
            self.turn = begin = (self.turn + 1) % count
            turned = [*self.instances[begin:], *self.instances[:begin]]
            if self.routing == routing.LEAST_OUTSTANDING:
                turned.sort(key=_outstanding)  # stable: of those that are at equally much, the one whose turn it is
        if any(each.doubted_until for each in turned):
            now = time.monotonic()
            turned.sort(key=lambda each: each.doubted_until > now)
        return turned


def _outstanding(instance: Instance) -> int:
    return instance.outstanding


@dataclass(frozen=True, slots=True)
class Generation:
    """The variants of one configuration, and the share of the requests that they take together."""

    share: float
    variants: Sequence[Variant]


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint, or an inference component."""

    state: str
    arn: str
    generations: Sequence[Generation]
    endpoint: str = ""
    """Of an inference component: the endpoint that it belongs to."""
    asynchronous: bool = False
    """Whether its requests wait in a queue (`resources/async_invocation.py`) and are not answered at once."""
    hosts_components: bool = False
    """Whether it is an endpoint whose requests name an inference component."""
    kept_by_one: bool = False
    """Whether one of several servers decides what its instances do: which is free, which models each has."""

    @property
    def instances(self) -> Mapping[str, Instance]:
        """By their tasks' ids."""
        return {each.task: each for _, each in self.placed}

    @property
    def placed(self) -> Iterator[tuple[Variant, Instance]]:
        """Each instance, and the variant that it is of."""
        return (
            (variant, each) for entry in self.generations for variant in entry.variants for each in variant.instances
        )

    def named(self, name: str) -> Variant | None:
        """A variant by its name: of a generation by share, if several have it."""
        found = [
            (entry.share, variant)
            for entry in self.generations
            for variant in entry.variants
            if variant.name == name and not variant.shadow
        ]
        able = [each for each in found if _can_answer(each[1])]
        taking = [each for each in able if each[0] > 0] or able or found
        if len(taking) < 2:
            return taking[0][1] if taking else None
        return random.choices([each[1] for each in taking], [each[0] for each in taking])[0]  # noqa: S311

    def chosen(self) -> Variant | None:
        """A variant by weight, of a generation by share; None when nothing can answer.

        At random, as AWS splits traffic: exact shares only in the long run.
        """
        # When all that takes a share has died, one that stands by is better than none.
        able = self._able(taking=True) or self._able(taking=False)
        if not able:
            return None
        if len(able) == 1:
            variants = able[0][1]
        else:
            variants = random.choices([each[1] for each in able], [each[0].share for each in able])[0]  # noqa: S311
        if len(variants) == 1:
            return variants[0]
        return random.choices(variants, [variant.weight for variant in variants])[0]  # noqa: S311

    def _able(self, *, taking: bool) -> list[tuple[Generation, list[Variant]]]:
        """The generations that take a share of the requests, or those that take none, and who of them can answer."""
        found = [(entry, _able(entry.variants)) for entry in self.generations if (entry.share > 0) == taking]
        return [each for each in found if each[1]]


def _shadowed(variants: Sequence[Variant]) -> Sequence[Variant]:
    """The variants, those in production with their shadow."""
    shadow = next((each for each in variants if each.shadow and each.weight > 0), None)
    for each in variants:
        if not each.shadow:
            each.shadowed_by = shadow
    return variants


def _able(variants: Sequence[Variant]) -> list[Variant]:
    return [each for each in variants if _can_answer(each) and each.weight > 0 and not each.shadow]


def _can_answer(variant: Variant) -> bool:
    """Whether it has instances, or gets one when it is asked."""
    return bool(variant.instances) or variant.concurrency is not None


@dataclass(slots=True)
class Instances:
    """Keeps instances and their connections over changes of the routes."""

    pool: Callable[[str], Pool] = Pool
    meter: Meter | None = None
    captures: Captures | None = None
    folders: Folders | None = None
    """Where instances that serve many models find them."""
    known: dict[str, Instance] = field(default_factory=dict)

    def route(self, record: Record, arn: str, endpoint: str = "") -> Route:
        """What a record's routing table says."""
        generations = [
            Generation(entry["share"], _shadowed([self._variant(record, endpoint, each) for each in entry["variants"]]))
            for entry in record.status.get("serving", ())
        ]
        asynchronous = "AsyncInferenceConfig" in record.spec.get("config", {})
        hosts = any(each.mode == routing.COMPONENTS for entry in generations for each in entry.variants)
        by_one = any(
            each.mode == "multi-model" or each.concurrency is not None
            for entry in generations
            for each in entry.variants
        )
        return Route(record.state, arn, generations, endpoint, asynchronous, hosts, by_one)

    def forget(self, before: Route | None, after: Route | None) -> None:
        """Those that a route has lost. Connections to servers that ended close themselves."""
        for task in set(before.instances if before else ()) - set(after.instances if after else ()):
            self.known.pop(task, None)

    def _variant(self, record: Record, endpoint: str, table: Mapping[str, Any]) -> Variant:
        found = Variant(
            name=table["name"],
            weight=float(table["weight"]),
            shadow=table["shadow"],
            mode=table["mode"],
            hostnames=table["containers"],
            instances=[self._instance(member) for member in table["members"]],
            table=table,
            routing=table.get("routing"),
        )
        self._observe(record.key, endpoint, found)
        if found.mode == "multi-model":
            self._give_models(record.key, found)
        return found

    def _give_models(self, of: Key, variant: Variant) -> None:
        """Instances that serve many models keep count of them."""
        assert self.folders is not None
        told = variant.table["models"]
        source = Source(told["prefix"], told["role"], of.region, told["cached"])
        for each in variant.instances:
            if each.models is None:
                tell = functools.partial(self._tell, of, variant.name)
                each.models = Models(each.task, each.containers[0], source, self.folders, tell)

    def _tell(self, of: Key, variant: str, name: str, value: float, unit: str = "Microseconds") -> None:
        if self.meter is not None:
            namespace = UTILIZATION if name == "LoadedModelCount" else INVOCATIONS
            dimensions = {"EndpointName": of.name, "VariantName": variant}
            self.meter.observe((of.account, of.region), name, value, dimensions, unit=unit, namespace=namespace)

    def tell_models(self, _now: float) -> None:
        """How many models each instance has loaded, for those who ask at times."""
        for each in list(self.known.values()):
            if each.models is not None:
                each.models.tell("LoadedModelCount", each.models.loaded, "None")

    def _observe(self, of: Key, endpoint: str, variant: Variant) -> None:
        """Say where its requests are counted and captured."""
        if self.captures is not None and (settings := variant.table.get("capture")):
            variant.captured = self.captures.of(of.region, endpoint or of.name, variant.name, settings)
        if self.meter is None:
            return
        place = (of.account, of.region)
        dimensions = (
            {"InferenceComponentName": of.name} if endpoint else {"EndpointName": of.name, "VariantName": variant.name}
        )
        every = variant.table.get("metrics_every")
        without = () if variant.concurrency is None else SERVERLESS
        variant.counted = [self.meter.invocations(place, dimensions, every=every or MINUTE, without=without)]
        if len(variant.hostnames) > 1:
            variant.by_container = [
                self.meter.invocations(place, {**dimensions, "ContainerName": name}, without=CONTAINERS)
                for name in variant.hostnames
            ]
        for each in variant.instances:
            each.counted = None
            if every is not None:
                own = {**dimensions, "InstanceId": routing.instance_id(each.log_stream)}
                each.counted = self.meter.invocations(place, own, every=every)

    def _instance(self, member: Mapping[str, Any]) -> Instance:
        found = self.known.get(member["task"])
        if found is None:
            pools = [self.pool(socket) for socket in member["sockets"]]
            found = self.known[member["task"]] = Instance(member["task"], pools, member["log_stream"])
        return found
