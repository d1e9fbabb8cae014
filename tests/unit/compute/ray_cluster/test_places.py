"""Which nodes a group of tasks goes to, and by which addresses its hosts know each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from sagewright.base.errors import Terminal, Transient
from sagewright.compute.base import Placement, Resources, Share, Task
from sagewright.compute.ray_cluster import places
from sagewright.compute.ray_cluster.cluster import Address, Cluster, NodeInfo


class FakeCluster:
    """Nodes with these addresses, each with so many processors; `room` says which strategies find some."""

    def __init__(self, *hosts: str, cpus: float = 4, room: Sequence[str] = ("STRICT_SPREAD",), **more: float) -> None:
        self._nodes = {
            f"n{number}": NodeInfo(
                f"n{number}", host, 1, True, {"CPU": cpus, "memory": 8 << 30, **more}, Address(host, 1, "")
            )
            for number, host in enumerate(hosts)
        }
        self._room = room
        self.asked: list[tuple[str, Sequence[Mapping[str, float]], str | None]] = []

    def nodes(self) -> Mapping[str, NodeInfo]:
        return self._nodes

    def place(self, group: str, bundles: Any, strategy: str, *, node: str | None, seconds: float) -> Any:
        self.asked.append((strategy, bundles, node))
        return ["n0"] * len(bundles) if strategy in self._room else None


def find(cluster: FakeCluster, task: Task, neighbours: Sequence[str] = ()) -> Sequence[str]:
    return places.find(cast(Cluster, cluster), task, "group", neighbours)


def hosts(count: int, **resources: Any) -> Task:
    shares = [Share(Resources(**resources), "ml.m5.large")] * count
    names = {f"algo-{number}": f"127.0.0.{number}" for number in range(1, count + 1)}
    return Task("t", ["true"], hosts=names, placement=Placement("g", shares))


@pytest.mark.parametrize(
    ("nodes", "count", "room", "asked"),
    [
        (["10.0.0.1", "10.0.0.2"], 2, ["STRICT_SPREAD"], ["STRICT_SPREAD"]),
        (["10.0.0.1", "10.0.0.2"], 2, ["STRICT_PACK"], ["STRICT_SPREAD", "STRICT_PACK"]),
        (["10.0.0.1", "10.0.0.2"], 3, ["STRICT_PACK"], ["STRICT_PACK"]),
        (["127.0.0.11", "127.0.0.12"], 3, ["SPREAD"], ["SPREAD"]),
        (["10.0.0.1", "10.0.0.1"], 3, ["SPREAD"], ["SPREAD"]),
    ],
)
def test_hosts_get_a_machine_each_or_one_together(
    nodes: list[str], count: int, room: list[str], asked: list[str]
) -> None:
    cluster = FakeCluster(*nodes, room=room)
    assert len(find(cluster, hosts(count))) == count
    assert [strategy for strategy, _, _ in cluster.asked] == asked


def test_a_task_takes_what_its_resources_say_and_no_more_than_there_is() -> None:
    cluster = FakeCluster("10.0.0.1", room=["STRICT_PACK"], GPU=2)
    find(cluster, hosts(1, vcpus=96, memory_bytes=64 << 30, gpus=1))
    find(cluster, hosts(1))
    assert [bundles for _, bundles, _ in cluster.asked] == [
        [{"CPU": 4, "memory": 8 << 30, "GPU": 1}],
        [{"CPU": 0.01}],
    ]


def test_where_nodes_say_their_types_these_are_asked_for() -> None:
    cluster = FakeCluster("10.0.0.1", room=["STRICT_PACK"], **{"ml.m5.large": 2})
    find(cluster, hosts(1))
    assert cluster.asked[0][1] == [{"CPU": 0.01, "ml.m5.large": 1}]


def test_what_no_node_has_is_refused_and_what_is_taken_is_waited_for() -> None:
    with pytest.raises(Terminal, match=r"No node of the Ray cluster has what an instance of type ml\.m5\.large takes"):
        find(FakeCluster("10.0.0.1"), hosts(1, gpus=1))
    with pytest.raises(Transient, match="no room now for 2 hosts"):
        find(FakeCluster("10.0.0.1", room=[]), hosts(2))
    with pytest.raises(Transient, match="No node of the Ray cluster can run a task now"):
        find(FakeCluster(), hosts(1))


def test_those_that_are_to_be_apart_go_where_fewest_are() -> None:
    cluster = FakeCluster("10.0.0.1", "10.0.0.2", "10.0.0.3", room=["STRICT_PACK"])
    task = Task("t", ["true"], placement=Placement(apart="endpoint"))
    find(cluster, task, ["n0", "n1", "n0"])
    assert cluster.asked[0][2] == "n2"


def test_hosts_on_machines_of_their_own_are_known_by_the_machines_addresses() -> None:
    cluster = cast(Cluster, FakeCluster("10.0.0.1", "10.0.0.2"))
    task = hosts(2)
    assert places.addresses(cluster, task, ["n1", "n0"]) == {"algo-1": "10.0.0.2", "algo-2": "10.0.0.1"}
    assert places.addresses(cluster, task, ["n0", "n0"]) == task.hosts
