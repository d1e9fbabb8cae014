"""Enters into the ledger what used instances, in the commits that end it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sagewright.compute import instances
from sagewright.resources import endpoint, routing, usage
from sagewright.resources.record import Record
from sagewright.resources.usage import Line
from sagewright.store.base import Write


def of_training_job(job: Record) -> Sequence[Write]:
    """With the final state of a job, whose status has all its tries."""
    return entered(job, f"{job.uid}", usage.of_training_job(job, job.modified))


def of_transform_job(job: Record) -> Sequence[Write]:
    return entered(job, f"{job.uid}", usage.of_transform_job(job, job.modified))


def of_processing_job(job: Record) -> Sequence[Write]:
    return entered(job, f"{job.uid}", usage.of_processing_job(job, job.modified))


def of_warm_pool(pool: Record, now: float) -> Sequence[Write]:
    """With the write that ends a pool."""
    return entered(pool, pool.uid, usage.of_warm_pool(pool, now))


def of_notebook(instance: Record, now: float) -> Sequence[Write]:
    """With the write that ends what runs of an instance, which is told by its starts."""
    return entered(instance, f"{instance.uid}-{instance.status['serial']}", usage.of_notebook(instance, now))


def entered(about: Record, unique: str, lines: Sequence[Line]) -> Sequence[Write]:
    """The write that enters these lines at today's prices, under a name that nothing else ever has."""
    if not lines:
        return ()
    return [("create", usage.new(about, unique, [_priced(line) for line in lines]))]


def of_fleet(
    record: Record, status: Mapping[str, Any], now: float, ends: Mapping[str, float]
) -> tuple[Mapping[str, Any], Sequence[Write]]:
    """A status that is about to be written, with what serves since when, and the writes for what serves no more.

    `ends` says when it ended (epoch seconds), of those tasks that ended earlier than now. Copies of inference
    components use their endpoint's instances, and have none of their own.
    """
    if record.key.kind != endpoint.KIND:
        return status, ()
    known: Mapping[str, Mapping[str, Any]] = record.status.get("metered", {})
    serving = _serving(record, status)
    metered = {each: known.get(each, {"type": kind, "since": now}) for each, kind in serving.items()}
    over = {each: told for each, told in known.items() if each not in metered}
    writes = [write for each, told in over.items() for write in _instance(record, each, told, ends.get(each, now))]
    return ({**status, "metered": metered} if metered or known else status), writes


def of_deleted(record: Record, now: float) -> Sequence[Write]:
    """For an endpoint that goes with all its instances."""
    known = record.status.get("metered", {})
    return [write for each, told in known.items() for write in _instance(record, each, told, now)]


def _serving(record: Record, status: Mapping[str, Any]) -> Mapping[str, str]:
    """The types of the instances that requests may go to, by what they are called."""
    types = {each["task"]: each.get("type") for each in status.get("instances", ())}
    tasks = {member["task"] for member in routing.all_members(status.get("serving", ())) if "task" in member}
    found = {task: types[task] for task in sorted(tasks) if types.get(task)}
    all_hosts = status.get("hosts") or {}
    variants = {
        each["VariantName"]: each.get("InstanceType")
        for each in endpoint.variants(record.spec["config"] if all_hosts else {})
    }
    for variant, hosts in all_hosts.items():
        if variants.get(variant):
            found |= {f"host-{record.uid}-{variant}-{host['number']}": variants[variant] for host in hosts}
    return found


def _instance(record: Record, name: str, told: Mapping[str, Any], end: float) -> Sequence[Write]:
    since = told["since"]
    line = Line("Endpoint", told["type"], 1, since, max(since, end))
    return entered(record, f"{name}-{since:.3f}", [line])


def _priced(line: Line) -> Line:
    share = instances.spot_share() if line.spot else 1.0
    return replace(line, usd_per_hour=instances.price(line.instance_type), share=share)
