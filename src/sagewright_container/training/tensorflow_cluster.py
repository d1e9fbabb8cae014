"""TensorFlow's clusters: TF_CONFIG on each host, and a parameter server beside the script where one was asked for.

The roles are those of SageMaker's TensorFlow image. Ports differ from host to host: here they share a network.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sagewright_container.training.cluster import Cluster, free_ports
from sagewright_container.training.meeting import Table, gather
from sagewright_container.training.processes import Ended, Group, Program
from sagewright_container.training.torch_distributed import follow

if TYPE_CHECKING:
    from sagewright_container.contract import TrainingEnvironment

SERVER = "sagewright_container.training.tensorflow_server"
MIRRORED = "sagemaker_multi_worker_mirrored_strategy_enabled"


def run(
    environment: TrainingEnvironment,
    command: Sequence[str],
    environ: Mapping[str, str],
    forward: Callable[[Group], None],
) -> Ended:
    """Run `command` once on this host, as a member of the cluster. Raises ClientError and PeerError."""
    cluster = Cluster.of(environment)
    port, server_port = free_ports(2)
    meeting = gather(cluster, {"port": port, "server_port": server_port})
    folder = environment.contract.code_dir
    if environment.distribution() == MIRRORED:
        told = {"TF_CONFIG": json.dumps(mirrored(cluster, meeting.table))}
        return follow(Group([Program(command, {**environ, **told})], cwd=folder), meeting, forward)
    told = {"TF_CONFIG": json.dumps(parameter_server(cluster, meeting.table, serves=False))}
    group = Group([Program(command, {**environ, **told})], cwd=folder)
    if len(cluster.hosts) == 1:
        return follow(group, meeting, forward)
    told = {"TF_CONFIG": json.dumps(parameter_server(cluster, meeting.table, serves=True))}
    server = Group([Program([sys.executable, "-m", SERVER], {**environ, **told})], cwd=folder)
    serving = threading.Thread(target=_end_with, args=(server, group), daemon=True)
    serving.start()
    try:
        ended = follow(group, meeting, forward)
        if cluster.rank and not ended.exit_code:
            meeting.wait()  # the others may still need what our server holds
    finally:
        server.end()
        serving.join()
    return ended


def _end_with(server: Group, group: Group) -> None:
    """Without its parameter server a script would wait for ever."""
    if server.wait().exit_code:
        group.end()


def mirrored(cluster: Cluster, table: Table) -> dict[str, Any]:
    """TF_CONFIG of MultiWorkerMirroredStrategy: every host is a worker, the first of them the chief."""
    workers = _places(cluster, table, "port")
    return {
        "cluster": {"worker": workers},
        "environment": "cloud",
        "task": {"type": "worker", "index": cluster.rank},
    }


def parameter_server(cluster: Cluster, table: Table, *, serves: bool) -> dict[str, Any]:
    """TF_CONFIG with parameter servers: the first host is the master, the others work, and each of them serves."""
    scripts = _places(cluster, table, "port")
    members = {"master": scripts[:1]}
    if len(scripts) > 1:
        members |= {"worker": scripts[1:], "ps": _places(cluster, table, "server_port")}
    task = {"type": "ps", "index": cluster.rank} if serves else {"type": "worker", "index": cluster.rank - 1}
    if not serves and cluster.rank == 0:
        task = {"type": "master", "index": 0}
    return {"cluster": members, "environment": "cloud", "task": task}


def _places(cluster: Cluster, table: Table, port: str) -> list[str]:
    return [f"{at}:{table[host][port]}" for host, at in zip(cluster.hosts, cluster.addresses, strict=True)]
