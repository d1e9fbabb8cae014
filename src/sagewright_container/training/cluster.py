"""The hosts of a job that train together, seen from one of them. Loaded only for a distribution."""

from __future__ import annotations

import random
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sagewright_container.contract import gpu_count
from sagewright_container.training.failure import ClientError
from sagewright_container.training.ports import COUNT, FIRST, LOCAL, job_key

if TYPE_CHECKING:
    from sagewright_container.contract import TrainingEnvironment

PROCESSES = "sagemaker_mpi_num_of_processes_per_host"
"""The name is MPI's, but every launcher of SageMaker's toolkit heeds it."""
_MOST = 512


class Cluster(NamedTuple):
    """Who works together, and how many processes each host gives."""

    hosts: list[str]
    current: str
    processes: int
    interface: str
    key: str

    @classmethod
    def of(cls, environment: TrainingEnvironment) -> Cluster:
        """Raises ClientError for a number of processes that is none."""
        return cls(
            environment.distribution_hosts(),
            environment.current_host,
            _processes(environment.framework_parameters, environment.environ),
            str(environment.resources.get("network_interface_name", "eth0")),
            job_key(environment.environ),
        )

    @property
    def rank(self) -> int:
        """The place of this host, from 0."""
        return self.hosts.index(self.current)

    @property
    def master(self) -> str:
        """The first host."""
        return self.hosts[0]

    @property
    def addresses(self) -> list[str]:
        """By which the hosts reach each other: by their names, the only one by an address (see ports.py)."""
        return self.hosts if len(self.hosts) > 1 else [LOCAL]

    @property
    def network(self) -> dict[str, str]:
        """Which interface gloo and NCCL take: by themselves they look for one that leads out of the machine."""
        return {"GLOO_SOCKET_IFNAME": self.interface, "NCCL_SOCKET_IFNAME": self.interface}


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, whatever the address. At random: who probes at the same time picks others."""
    found: list[int] = []
    for port in random.SystemRandom().sample(range(FIRST, FIRST + COUNT), 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise ClientError("There is no free port on this machine for the processes of this job to meet at.")


def _processes(parameters: Mapping[str, Any], environ: Mapping[str, str]) -> int:
    """As many as asked for, else one for each GPU, else one."""
    asked = parameters.get(PROCESSES)
    if asked in (None, ""):
        return gpu_count(environ) or 1
    try:
        number = int(str(asked))
    except ValueError:
        number = 0
    if not 1 <= number <= _MOST:
        raise ClientError(f"The number of processes per host must be from 1 to {_MOST}; {asked!r} was given.")
    return number
