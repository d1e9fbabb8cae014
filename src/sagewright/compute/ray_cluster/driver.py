"""The one program that speaks to Ray: a child of the server, so that Ray's memory and threads are not the server's.

Each line on its standard input is a question, `{"id": 7, "op": "place", …}`, each line on the descriptor that it is
given is an answer, `{"id": 7, …}`. It ends with the server; what it has reserved stays, under names.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import ray
from ray.util.placement_group import (
    PlacementGroup,
    get_placement_group,
    placement_group,
    placement_group_table,
    remove_placement_group,
)
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sagewright.compute.ray_cluster.agent import Agent

_LOG = logging.getLogger(__name__)
_ANSWER: Final = 30.0
"""Seconds that an agent may take: Ray starts a Python for it."""


class Driver:
    """Asks Ray on behalf of one server, whose names all begin with `server`. Any thread."""

    def __init__(self, server: str, address: str) -> None:
        self._server = server
        ray.init(address=address, namespace=f"sagewright-{server}", log_to_driver=False, logging_level=logging.WARNING)
        self._wardens: dict[str, dict[str, Any]] = {}
        self._troubles: dict[str, str] = {}
        self._asked: set[str] = set()
        self._guard = threading.Lock()
        self._pool = ThreadPoolExecutor(16, "agents")

    def nodes(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """All nodes that Ray knows of, the dead among them for a while. Those in `again` may have a new warden."""
        found = ray.nodes()
        alive = [node for node in found if node["Alive"]]
        with self._guard:
            for node in message["again"]:
                self._wardens.pop(node, None)
            for node in alive:
                if _works(node) and node["NodeID"] not in {*self._wardens, *self._asked}:
                    self._asked.add(node["NodeID"])
                    self._pool.submit(self._ask, node["NodeID"], node["NodeManagerAddress"])
        return {
            "nodes": [
                {
                    "id": node["NodeID"],
                    "host": node["NodeManagerAddress"],
                    "port": node["NodeManagerPort"],
                    "alive": node["Alive"],
                    "resources": {name: amount for name, amount in node["Resources"].items() if _is_told(name)},
                    "warden": self._wardens.get(node["NodeID"]) if node["Alive"] else None,
                    "trouble": self._troubles.get(node["NodeID"], ""),
                }
                for node in found
                if _works(node) or not node["Alive"]
            ]
        }

    def _ask(self, node: str, host: str) -> None:
        """Where a node's warden is. Nobody waits: Ray may not know yet that the node is gone."""
        try:
            warden, trouble = ray.get(self._agent(node, host).warden.remote(), timeout=_ANSWER), ""
        except Exception as problem:  # noqa: BLE001  # of Ray's, or of what is installed there
            _LOG.warning("The node %s has no warden: %s", node, problem)
            warden, trouble = None, (str(problem).strip().splitlines() or [type(problem).__name__])[-1]
        with self._guard:
            self._asked.discard(node)
            self._troubles[node] = trouble
            if warden is not None:
                self._wardens[node] = warden

    def _agent(self, node: str, host: str) -> Any:
        options = {
            "name": f"agent-{node}",
            "get_if_exists": True,
            "lifetime": "detached",
            "num_cpus": 0,
            "max_restarts": -1,
            "max_task_retries": 3,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=False),
        }
        return ray.remote(Agent).options(**options).remote(self._server, node, host)

    def place(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Reserve bundles of resources under a name. Which node each is on; nothing of it where there is no room."""
        name = self._name(message["group"])
        group = _find(name)
        if group is None:
            group = placement_group(
                message["bundles"],
                strategy=message["strategy"],
                name=name,
                lifetime="detached",
                _soft_target_node_id=message.get("node"),
            )
        if not group.wait(message["seconds"]):
            remove_placement_group(group)
            return {"nodes": None}
        where = placement_group_table(group)["bundles_to_node_id"]
        return {"nodes": [where[number] for number in sorted(where)]}

    def release(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Give up what is reserved under a name; silent if nothing is."""
        group = _find(self._name(message["group"]))
        if group is not None:
            remove_placement_group(group)
        return {}

    def _name(self, group: str) -> str:
        return f"sagewright-{self._server}-{group}"


def _find(name: str) -> PlacementGroup | None:
    try:
        return get_placement_group(name)
    except ValueError:
        return None


def _works(node: Mapping[str, Any]) -> bool:
    """Whether a node is to run anything: one that offers no processor only belongs to the cluster."""
    return bool(node["Resources"].get("CPU") or node["Resources"].get("GPU"))


def _is_told(name: str) -> bool:
    return not name.startswith(("node:", "object_store_memory", "accelerator_type:"))


def main() -> None:
    """`driver SERVER ADDRESS DESCRIPTOR`."""
    server, address, descriptor = sys.argv[1:]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    answers = os.fdopen(int(descriptor), "w", buffering=1)
    writing = threading.Lock()

    def tell(answer: Mapping[str, Any]) -> None:
        with writing:
            answers.write(json.dumps(answer) + "\n")
            answers.flush()

    try:
        driver = Driver(server, address)
    except Exception as problem:  # noqa: BLE001  # whatever it is, the server says it to its user
        tell({"id": 0, "failed": _words(problem)})
        return
    tell({"id": 0})
    operations: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
        "nodes": driver.nodes,
        "place": driver.place,
        "release": driver.release,
    }

    def answer(message: Mapping[str, Any]) -> None:
        try:
            tell({"id": message["id"], **operations[message["op"]](message)})
        except BrokenPipeError:
            os._exit(0)
        except Exception as problem:  # noqa: BLE001  # the server is to hear of it
            _LOG.exception("Ray could not be asked.")
            tell({"id": message["id"], "failed": _words(problem)})

    with ThreadPoolExecutor(16) as pool:
        for line in sys.stdin:
            pool.submit(answer, json.loads(line))
        os._exit(0)  # the server has ended: nobody waits for an answer, and Ray is not to either


def _words(problem: Exception) -> str:
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0]


if __name__ == "__main__":
    main()
