"""Which nodes a task's group goes to: what it takes of them, and how its hosts reach each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from sagewright.base.errors import Terminal, Transient
from sagewright.compute.base import Share, Task
from sagewright.compute.ray_cluster.cluster import Cluster, NodeInfo

_LEAST: Final = 0.01
"""Processors of a task that no limit is set to: Ray has no room that takes nothing."""
_PATIENCE: Final = 1.0
"""Seconds that Ray may take to find room; who finds none comes again."""

Bundle = Mapping[str, float]


def find(
    cluster: Cluster, task: Task, group: str, neighbours: Iterable[str], *, overcommit: float = 1.0
) -> Sequence[str]:
    """Reserve room for a group. The nodes of its tasks, by their numbers.

    `neighbours` are the nodes of those that the task is to be apart from; `overcommit` is how many times processors and
    memory may be given. Raises Terminal for what fits nowhere even
    on an empty cluster, and Transient while there is no room.
    """
    usable = _usable(cluster)
    shares = task.placement.shares or [Share(task.resources)]
    bundles = [_bundle(share, usable, overcommit) for share in shares]
    for share, bundle in zip(shares, bundles, strict=True):
        if not any(_fits(bundle, node) for node in usable):
            raise Terminal(_too_large(share, bundle))
    if len(bundles) == 1:
        wanted = _least_used(usable, bundles[0], neighbours) if task.placement.apart else None
        nodes = cluster.place(group, bundles, "STRICT_PACK", node=wanted, seconds=_PATIENCE)
    else:
        nodes = _several(cluster, task, group, bundles, usable)
    if nodes is None:
        raise Transient(f"The cluster has no room now for {_amounts(bundles)}.")
    return nodes


def _several(
    cluster: Cluster, task: Task, group: str, bundles: Sequence[Bundle], nodes: Sequence[NodeInfo]
) -> Sequence[str] | None:
    """Each host needs an address that all the others reach it at, and all its ports: a machine of its own, or one that
    has all of them, where the loopback network has addresses for each. A network of the job's own is on one node."""
    machines = {_machine(node) for node in nodes}
    if task.network != "host":
        return cluster.place(group, bundles, "STRICT_PACK", node=None, seconds=_PATIENCE)
    if len(machines) == 1:
        return cluster.place(group, bundles, "SPREAD", node=None, seconds=_PATIENCE)
    if len(machines) == len(nodes) >= len(bundles):
        found = cluster.place(group, bundles, "STRICT_SPREAD", node=None, seconds=_PATIENCE)
        if found is not None:
            return found
    return cluster.place(group, bundles, "STRICT_PACK", node=None, seconds=_PATIENCE)


def addresses(cluster: Cluster, task: Task, nodes: Sequence[str]) -> Mapping[str, str]:
    """Where a task finds the hosts of its job. On one machine that is where they were told to; else at their nodes'."""
    known = cluster.nodes()
    machines = {_machine(known[node]) for node in nodes if node in known}
    if len(machines) <= 1 or len(nodes) != len(task.hosts):
        return task.hosts
    return {name: known[node].host for name, node in zip(task.hosts, nodes, strict=True) if node in known}


def _machine(node: NodeInfo) -> str:
    """All nodes on the loopback network are on one."""
    return "127" if node.host.startswith("127.") else node.host


def _usable(cluster: Cluster) -> Sequence[NodeInfo]:
    known = cluster.nodes().values()
    usable = [node for node in known if node.alive and node.warden is not None]
    if not usable:
        troubles = {node.trouble for node in known if node.alive and node.trouble}
        why = f" Its nodes say: {'; '.join(sorted(troubles))}." if troubles else ""
        raise Transient(f"No node of the Ray cluster can run a task now.{why}")
    return usable


def _bundle(share: Share, nodes: Sequence[NodeInfo], overcommit: float) -> Bundle:
    """What is asked of Ray. More processors or memory than the largest node has is as much as that has."""
    wanted = share.resources
    largest = {name: max(node.resources.get(name, 0.0) for node in nodes) for name in ("CPU", "memory")}
    bundle: dict[str, float] = {"CPU": max(_LEAST, min(wanted.vcpus or 0.0, largest["CPU"]) / overcommit)}
    if wanted.memory_bytes is not None:
        bundle["memory"] = int(min(wanted.memory_bytes, largest["memory"]) / overcommit)
    if wanted.gpus:
        bundle["GPU"] = wanted.gpus
    if any(share.instance_type in node.resources for node in nodes):
        bundle[share.instance_type] = 1
    return bundle


def _fits(bundle: Bundle, node: NodeInfo) -> bool:
    return all(node.resources.get(name, 0.0) >= amount for name, amount in bundle.items())


def _least_used(nodes: Sequence[NodeInfo], bundle: Bundle, neighbours: Iterable[str]) -> str:
    """The node that has fewest of those that are to be apart."""
    counts = Counter(neighbours)
    return min((node for node in nodes if _fits(bundle, node)), key=lambda node: (counts[node.id], node.id)).id


def _too_large(share: Share, bundle: Bundle) -> str:
    what = f"an instance of type {share.instance_type}" if share.instance_type else "the task"
    return (
        f"CapacityError: No node of the Ray cluster has what {what} takes: {_amounts([bundle])}. "
        "Choose another instance type, or add a node."
    )


def _amounts(bundles: Sequence[Bundle]) -> str:
    one = ", ".join(f"{_amount(name, amount)}" for name, amount in bundles[0].items())
    return one if len(bundles) == 1 else f"{len(bundles)} hosts ({one} each)"


def _amount(name: str, amount: float) -> str:
    return f"{amount / (1 << 30):.1f} GiB of memory" if name == "memory" else f"{amount:g} {name}"


def limited(task: Task, node: NodeInfo | None) -> Task:
    """The task, with no more of its node than that has."""
    vcpus = task.resources.vcpus
    if node is None or vcpus is None:
        return task
    return replace(task, resources=replace(task.resources, vcpus=min(vcpus, node.resources.get("CPU", vcpus))))
