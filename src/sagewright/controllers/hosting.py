"""The instances of an endpoint's variants that inference components are placed on: which there are.

They are numbers in the endpoint's `status["hosts"]`, by variant: `{"number": 0}`, with `idle`, the time (epoch seconds)
since when it holds no copy. Components write down where their copies are (`controllers/inference_component.py`), and
the endpoint's record with it: so no instance is given up that somebody just takes, and no room is taken twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sagewright.compute.machine import Machine
from sagewright.controllers.placement import Placed, capacity, missing, room
from sagewright.resources import inference_component
from sagewright.resources.endpoint import hosts_components
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, Store

IDLE_TIME: Final = 5.0
"""Seconds without a copy after which managed scaling gives an instance up."""

Host = Mapping[str, Any]
Hosts = Mapping[str, Sequence[Host]]


def components_of(store: Store, endpoint: Key) -> Iterator[Record]:
    """The inference components of an endpoint."""
    query = Query(endpoint.account, endpoint.region, inference_component.KIND, facets={"EndpointName": endpoint.name})
    return store.every(query)


def placements(component: Record) -> Sequence[Placed]:
    """Where its copies are."""
    return [Placed.of(noted) for noted in component.status.get("placement", ())]


def numbers(endpoint: Record, variant: str) -> Sequence[int]:
    """The instances of a variant."""
    return [host["number"] for host in endpoint.status.get("hosts", {}).get(variant, ())]


def hosts(endpoint: Record, variants: Sequence[Mapping[str, Any]], store: Store, machine: Machine, now: float) -> Hosts:
    """The instances that there should be now, of those variants that components are placed on."""
    own = [variant for variant in variants if hosts_components(variant)]
    if not own:
        return {}
    placed: dict[str, list[Placed]] = {variant["VariantName"]: [] for variant in own}
    for component in components_of(store, endpoint.key):
        placed.setdefault(component.spec["VariantName"], []).extend(placements(component))
    return {
        variant["VariantName"]: _of_variant(endpoint, variant, placed[variant["VariantName"]], machine, now)
        for variant in own
    }


def is_managed(settings: Mapping[str, Any]) -> bool:
    """Whether a variant's instances are as many as its components need."""
    return bool(settings.get("ManagedInstanceScaling", {}).get("Status") == "ENABLED")


def _of_variant(
    endpoint: Record, settings: Mapping[str, Any], placed: Sequence[Placed], machine: Machine, now: float
) -> Sequence[Host]:
    before: Sequence[Host] | None = endpoint.status.get("hosts", {}).get(settings["VariantName"])
    initial = settings.get("InitialInstanceCount", 1)
    copies = Counter(host for each in placed for host in each.hosts)
    known = _marked(
        range(initial) if before is None else [host["number"] for host in before], before or (), copies, now
    )
    if not is_managed(settings):
        return _counted(known, initial, copies, now)
    scaling = settings["ManagedInstanceScaling"]
    least = scaling.get("MinInstanceCount", 1)
    most = scaling.get("MaxInstanceCount", max(initial, least))
    known = _released(known, least, now)
    whole = capacity(settings["InstanceType"], machine)
    left = room(whole, [host["number"] for host in known], placed)
    wanted = len(known) + missing(placed, whole, left, max(most - len(known), 0))
    return _counted(known, min(max(wanted, least), most), copies, now)


def _marked(found: Sequence[int], before: Sequence[Host], copies: Counter[int], now: float) -> Sequence[Host]:
    """Which of them are idle, and since when."""
    since = {host["number"]: host.get("idle", now) for host in before}
    return [{"number": each} if copies[each] else {"number": each, "idle": since.get(each, now)} for each in found]


def _released(known: Sequence[Host], least: int, now: float) -> Sequence[Host]:
    """Without those that have been idle for long, as far as `least` allows."""
    idle = [host for host in known if now - host.get("idle", now) >= IDLE_TIME]
    gone = [host["number"] for host in reversed(idle)][: max(len(known) - least, 0)]
    return [host for host in known if host["number"] not in gone]


def _counted(known: Sequence[Host], count: int, copies: Counter[int], now: float) -> Sequence[Host]:
    """So many: those with the fewest copies go, and new ones take the lowest numbers that are free."""
    by_worth = sorted(known, key=lambda host: (-copies[host["number"]], host["number"]))
    kept = sorted(by_worth[:count], key=lambda host: host["number"])
    taken = {host["number"] for host in kept}
    free = (number for number in range(len(taken) + count) if number not in taken)
    return [*kept, *({"number": next(free), "idle": now} for _ in range(count - len(kept)))]
