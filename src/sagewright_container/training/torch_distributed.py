"""PyTorch's processes, told what torchrun would tell them: `torch_distributed`, `pytorchddp`, data parallel.

torchrun itself would first import PyTorch (two seconds on each host) to do no more: a job here is never resized.
The variables are those of PyTorch's page on torchrun, "Environment Variables".
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from sagewright_container.training.cluster import Cluster, free_ports
from sagewright_container.training.failure import PeerError
from sagewright_container.training.meeting import Meeting, gather
from sagewright_container.training.processes import Ended, Group, Program

if TYPE_CHECKING:
    from sagewright_container.contract import TrainingEnvironment

DATA_PARALLEL = "sagemaker_distributed_dataparallel_enabled"


def run(
    environment: TrainingEnvironment,
    command: Sequence[str],
    environ: Mapping[str, str],
    forward: Callable[[Group], None],
) -> Ended:
    """Run `command` as all the processes of this host. Raises ClientError, or PeerError when another host failed."""
    cluster = Cluster.of(environment)
    if environment.framework_parameters.get(DATA_PARALLEL):
        sys.stdout.write(
            "Amazon's library smdistributed is not in this runtime: the processes are started as torchrun does it,"
            " for scripts that use torch.distributed.\n"
        )
        sys.stdout.flush()
    meeting = gather(cluster, {"port": free_ports(1)[0], "processes": cluster.processes})
    programs = [Program(command, {**environ, **told}) for told in variables(cluster, meeting, environ)]
    group = Group(programs, cwd=environment.contract.code_dir)
    return follow(group, meeting, forward)


def variables(cluster: Cluster, meeting: Meeting, environ: Mapping[str, str]) -> list[dict[str, str]]:
    """What each process of this host is told, in the order of their ranks."""
    counts = [int(meeting.table[host]["processes"]) for host in cluster.hosts]
    own, first = counts[cluster.rank], sum(counts[: cluster.rank])
    shared = {
        **{name: environ.get(name, value) for name, value in cluster.network.items()},
        "MASTER_ADDR": cluster.addresses[0],
        "MASTER_PORT": str(meeting.table[cluster.master]["port"]),
        "WORLD_SIZE": str(sum(counts)),
        "LOCAL_WORLD_SIZE": str(own),
        "GROUP_RANK": str(cluster.rank),
        "GROUP_WORLD_SIZE": str(len(counts)),
        "ROLE_NAME": "default",
        "ROLE_WORLD_SIZE": str(sum(counts)),
        "TORCHELASTIC_RUN_ID": environ.get("TRAINING_JOB_NAME", "none"),
        "TORCHELASTIC_RESTART_COUNT": "0",
        "TORCHELASTIC_MAX_RESTARTS": "0",
    }
    if own > 1:  # else each process would take all cores
        shared["OMP_NUM_THREADS"] = environ.get("OMP_NUM_THREADS", "1")
    return [
        {**shared, "RANK": str(first + place), "ROLE_RANK": str(first + place), "LOCAL_RANK": str(place)}
        for place in range(own)
    ]


def follow(group: Group, meeting: Meeting, forward: Callable[[Group], None]) -> Ended:
    """Wait for the group to end, and end it when another host failed. Raises PeerError then."""
    failed: list[tuple[str, int | None]] = []

    def heard(host: str, code: int | None) -> None:
        if code != 0 and not group.asked:
            failed.append((host, code))
            group.end()

    forward(group)
    meeting.watch(heard)
    ended = group.wait()
    meeting.leave(ended.exit_code)
    if failed and ended.exit_code:
        host, code = failed[0]
        meeting.outlast(host)
        how = "without a word" if code is None else f"with exit code {code}"
        raise PeerError(f"The host {host} ended {how}, so this host's processes were ended too.", ended.exit_code)
    return ended
