"""The engine of a Ray cluster against the port's law: three nodes on this machine.

Runs in the environment that has Ray (`sh tests/run.sh ray`).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest

from sagewright.base.clock import SystemClock
from sagewright.compute import cgroups, sandbox
from sagewright.compute.base import Engine
from sagewright.compute.process import ProcessEngine
from sagewright.compute.ray_cluster.cluster import Cluster
from sagewright.compute.ray_cluster.engine import RayEngine
from sagewright.compute.venvs import Environments
from sagewright.testing.engine_kit import EngineKit
from sagewright.testing.ray_nodes import RayNodes

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
MEMORY = {"memory"} if "memory" in cgroups.find().parents else set()


class Shared(Cluster):
    """One driver for all tests: it keeps nothing, and a Ray that starts takes seconds."""

    def close(self) -> None:
        """Not with each engine."""


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayNodes]:
    with RayNodes(tmp_path_factory.mktemp("ray"), count=2) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, nodes: RayNodes) -> Iterator[Cluster]:
    cluster = Shared(tmp_path_factory.mktemp("driver"), "kit", nodes.address)
    cluster.connect()
    yield cluster
    Cluster.close(cluster)


@pytest.mark.skipif(sandbox.available() is not None, reason=str(sandbox.available()))
class TestRay(EngineKit):
    abilities = (
        frozenset({"processes", "survives", "network", "hosts", "mounts", "sockets", "isolation", "usage"}) | MEMORY
    )

    @pytest.fixture
    def engine(self, tmp_path_factory: pytest.TempPathFactory, nodes: RayNodes, cluster: Cluster) -> Iterator[Engine]:
        # Not in tmp_path, which some tests give to their task as its folder: what it does not leave there is removed.
        self.folder = tmp_path_factory.mktemp("data")
        self.nodes, self.cluster = nodes, cluster
        self.engines: list[Engine] = []
        first = self.restart()
        yield first
        for task_id in first.list():
            first.destroy(task_id)
        for engine in self.engines:
            engine.close()

    def restart(self, engine: Engine | None = None) -> Engine:
        here = ProcessEngine(self.folder / "tasks", SystemClock())
        self.engines.append(RayEngine(self.folder, self.cluster, here, Environments(self.folder / "runtimes")))
        return self.engines[-1]

    def owner(self, engine: Engine) -> str:
        return (
            "from pathlib import Path\n"
            "from sagewright.base.clock import SystemClock\n"
            "from sagewright.compute.process import ProcessEngine\n"
            "from sagewright.compute.ray_cluster.cluster import Cluster\n"
            "from sagewright.compute.ray_cluster.engine import RayEngine\n"
            "from sagewright.compute.venvs import Environments\n"
            f"folder = Path({str(self.folder)!r})\n"
            f"cluster = Cluster(folder / 'ray', 'kit', {self.nodes.address!r})\n"
            "cluster.connect()\n"
            "engine = RayEngine(folder, cluster, ProcessEngine(folder / 'tasks', SystemClock()), Environments(folder))"
        )
