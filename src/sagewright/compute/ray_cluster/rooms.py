"""Room for groups of tasks: found with the first of them, given up with the last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sagewright.base.errors import Transient
from sagewright.compute.base import Task
from sagewright.compute.ray_cluster import places
from sagewright.compute.ray_cluster.cluster import Cluster
from sagewright.compute.ray_cluster.homes import Groups, Home


class Rooms:
    """Any thread, any number of processes on the same data folder."""

    def __init__(
        self,
        cluster: Cluster,
        groups: Groups,
        homes: Callable[[], Mapping[str, Mapping[str, Any]]],
        *,
        overcommit: float = 1.0,
    ) -> None:
        """`homes` tells what is known of all tasks that are on nodes; `overcommit` is how many times their processors
        and memory may be given."""
        self._overcommit = overcommit
        self._cluster, self._groups, self._homes = cluster, groups, homes
        with groups.alone():
            self._left = set(groups.all()) - self._used()
            """Groups without tasks, whose room is not given up yet."""

    def nodes(self, task: Task) -> Sequence[str] | None:
        """Those of a task's group, by numbers."""
        return self._groups.get(_group(task))

    def enter(self, task: Task, home: Home) -> str:
        """The task's node, written down in its home. All of its group are found room for with the first of them."""
        group, apart = _group(task), task.placement.apart
        with self._groups.alone():
            self._left.discard(group)
            if self._left:  # what was so when this server started may not be any more: another one led
                self._left -= self._used()
            for other in sorted(self._left):
                self._release(other)
            nodes = self._groups.get(group)
            if nodes is None:
                others = self._homes().values() if apart else ()
                neighbours = [known["node"] for known in others if known["apart"] == apart]
                nodes = places.find(self._cluster, task, group, neighbours, overcommit=self._overcommit)
                self._groups.put(group, nodes)
            node = nodes[task.placement.number]
            home.give(node, task)
        return node

    def leave(self, task_id: str, group: str) -> None:
        """A task is gone."""
        group = group or task_id
        with self._groups.alone():
            if self._groups.get(group) is not None and group not in self._used():
                self._release(group)

    def _used(self) -> set[str]:
        return {known["group"] or task_id for task_id, known in self._homes().items()}

    def _release(self, group: str) -> None:
        """If Ray does not answer now, it is tried again when room is looked for the next time."""
        try:
            self._cluster.release(group)
        except Transient:
            self._left.add(group)
            return
        self._left.discard(group)
        self._groups.remove(group)


def _group(task: Task) -> str:
    return task.placement.group or task.id
