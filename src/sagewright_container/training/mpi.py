"""MPI: the first host runs Open MPI's mpirun, the others start its daemons when it asks them to.

On AWS mpirun reaches the other hosts by ssh; here by a line of our own (`mpi_agent`), so that no host needs a server
for logins. What a user adds as custom options is Open MPI's, of version 4 as in AWS's images or of 5.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from sagewright_container.training.cluster import Cluster
from sagewright_container.training.failure import ClientError, PeerError
from sagewright_container.training.meeting import Meeting, gather
from sagewright_container.training.mpi_agent import AGENTS, serve
from sagewright_container.training.processes import Ended, Group, Program
from sagewright_container.training.torch_distributed import follow

if TYPE_CHECKING:
    from sagewright_container.contract import TrainingEnvironment

CUSTOM_OPTIONS = "sagemaker_mpi_custom_mpi_options"
NUM_PROCESSES = "sagemaker_mpi_num_processes"


def run(
    environment: TrainingEnvironment,
    command: Sequence[str],
    environ: Mapping[str, str],
    forward: Callable[[Group], None],
) -> Ended:
    """Run `command` under mpirun on the first host; serve it on the others. Raises ClientError and PeerError."""
    cluster = Cluster.of(environment)
    if shutil.which("mpirun", path=environ.get("PATH")) is None:
        raise ClientError(
            "This image has no mpirun. Add openmpi and mpi4py to the requirements.txt of the source directory."
        )
    if cluster.rank:
        return _serve(cluster, environ, command)
    meeting = gather(cluster, {"processes": cluster.processes})
    doors = {host: about["port"] for host, about in meeting.table.items() if host != cluster.current}
    told = {**cluster.network, **environ, AGENTS: json.dumps(doors)}
    words = [*mpirun(environment, cluster, meeting), *_python(command)]
    ended = follow(Group([Program(words, told)], cwd=environment.contract.code_dir), meeting, forward)
    return ended._replace(command=command)


def mpirun(environment: TrainingEnvironment, cluster: Cluster, meeting: Meeting) -> list[str]:
    """The command, up to the program."""
    custom = options(str(environment.framework_parameters.get(CUSTOM_OPTIONS) or ""))
    counts = {host: int(meeting.table[host]["processes"]) for host in cluster.hosts}
    total = environment.framework_parameters.get(NUM_PROCESSES) or sum(counts.values())
    slots = ",".join(f"{host}:{count}" for host, count in zip(cluster.addresses, counts.values(), strict=True))
    words = ["mpirun", "--allow-run-as-root", "--host", slots, "-np", str(total)]
    for name, value in (("--map-by", "slot"), ("--bind-to", "none")):
        if name not in custom:
            words += [name, value]
    if not {"--tag-output", "--output"} & set(custom):
        words.append("--tag-output")
    if len(cluster.hosts) > 1:
        agent = f"{sys.executable} -m {serve.__module__}"
        words += ["--prtemca", "plm_ssh_agent", agent, "--prtemca", "plm_ssh_no_tree_spawn", "1"]
        words += ["--mca", "btl_tcp_if_include", cluster.interface]
    return words + custom


def options(text: str) -> list[str]:
    """A user's options in the spelling of Open MPI 5: `-mca` and `-bind-to` have two dashes there.

    `--NCCL_DEBUG LEVEL` is an option of SageMaker's toolkit, for a variable.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ClientError(f"The custom MPI options {text!r} cannot be read: {error}.") from error
    found: list[str] = []
    for word in words:
        if found and found[-1] == "--NCCL_DEBUG":
            found[-1:] = ["-x", f"NCCL_DEBUG={word}"]
        elif len(word) > 2 and word[0] == "-" and word[1].isalpha():
            found.append(f"-{word}")
        else:
            found.append(word)
    return found


def _python(command: Sequence[str]) -> list[str]:
    """Under mpi4py's runner an exception in one process ends all; without it the others would wait for ever."""
    if command[0] != sys.executable or importlib.util.find_spec("mpi4py") is None:
        return list(command)
    return [command[0], "-m", "mpi4py", *(word for word in command[1:] if word != "--")]


def _serve(cluster: Cluster, environ: Mapping[str, str], command: Sequence[str]) -> Ended:
    """Start daemons as the first host asks, until it has ended. A stop comes from there too: mpirun passes it on."""
    daemons: list[subprocess.Popen[bytes]] = []
    with socket.create_server((cluster.current, 0)) as door:
        threading.Thread(
            target=serve, args=(door, cluster, {**cluster.network, **environ}, daemons), daemon=True
        ).start()
        meeting = gather(cluster, {"port": door.getsockname()[1], "processes": cluster.processes})
        signal.signal(signal.SIGTERM, lambda _number, _frame: None)  # not ignored: daemons would inherit that
        code = meeting.wait()
    for daemon in daemons:
        _end(daemon)
    if code != 0:
        meeting.outlast(cluster.master)
    if code is None:
        raise PeerError(f"The host {cluster.master}, which runs mpirun, ended without a word.", 1)
    if code:
        raise PeerError(f"mpirun on the host {cluster.master} ended with exit code {code}.", code)
    return Ended(0, "", command)


def _end(daemon: subprocess.Popen[bytes]) -> None:
    """A daemon ends with mpirun; when that was killed it may take its time, or not at all."""
    try:
        daemon.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait()
