"""Several hosts, the first of which trains: the others hand it their shards, so it has what a single host would have.

Only channels that are dealt out by key are sent; of the rest each host has all. The model, and what is told of it, is
that of a job on one host with the same files. Loaded for jobs of several hosts only.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import IO

from sagewright_container.algorithms.base import Algorithm, Input, Job
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.training import failure, hosts
from sagewright_container.training.cluster import Cluster
from sagewright_container.training.meeting import Line, Meeting, gather

_PIECE = 1 << 20  # bytes of a file that are sent at once


def train(algorithm: Algorithm, job: Job, key: str) -> None:
    """This host's part in a job of several: train, or hand over the shards and wait for the end.

    `key` is what only the hosts of this job share. Raises ClientError, also for what another host did.
    """
    cluster = Cluster(list(job.hosts), job.current_host, 1, "", key)
    try:
        hosts.wait(cluster.hosts)
        meeting = gather(cluster, {})
    except failure.ClientError as error:
        raise ClientError(str(error)) from error
    with contextlib.closing(meeting):
        if cluster.rank:
            _hand_over(job, meeting, cluster.master)
        else:
            _lead(algorithm, job, meeting, cluster.hosts[1:])


def _lead(algorithm: Algorithm, job: Job, meeting: Meeting, others: list[str]) -> None:
    code = 1
    try:
        with tempfile.TemporaryDirectory() as folder:
            job.inputs = {name: _merged(source, folder) for name, source in job.inputs.items()}
            for host in others:
                count = _receive(meeting.line(host), host, folder)
                print(f"Files of the channels' shards from {host}: {count}", flush=True)
            algorithm.train(job)
        code = 0
    finally:
        meeting.leave(code)


def _hand_over(job: Job, meeting: Meeting, master: str) -> None:
    line = meeting.line(master)
    with contextlib.suppress(ConnectionError):  # it has ended, and says how
        for source in job.inputs.values():
            if source.sharded:
                _send(line, source)
        line.write({"done": True})
    print(f"{master} trains on the data of all hosts.", flush=True)
    code = meeting.wait()
    if code != 0:
        meeting.outlast(master)
        how = "without a word" if code is None else f"with exit code {code}"
        raise ClientError(f"The host {master}, which trains on the data of all hosts, ended {how}.")


def _merged(source: Input, folder: str) -> Input:
    """A channel whose files are those of this host, and those of the others once these have come."""
    if not source.sharded:
        return source
    merged = os.path.join(folder, source.name)
    os.makedirs(merged)
    if source.pipe:  # its end is waited for, and what the others send is added
        with open(source.files()[0], "rb") as pipe, open(f"{merged}_0", "wb") as file:
            file.writelines(_pieces(pipe))
    else:
        for path in source.files():
            os.symlink(os.path.abspath(path), _room(merged, os.path.relpath(path, source.path), ""))
    return source._replace(path=merged, sharded=False)


def _send(line: Line, source: Input) -> None:
    for path in source.files():
        name = "" if source.pipe else os.path.relpath(path, source.path)
        line.write({"channel": source.name, "name": name})
        with open(path, "rb") as file:
            for piece in _pieces(file):
                line.write({"bytes": len(piece)})
                line.write_bytes(piece)


def _receive(line: Line, host: str, folder: str) -> int:
    """Take a host's files; answer how many they are. Raises ClientError when it is gone in between."""
    path, count = "", 0
    try:
        while not (told := line.read()).get("done"):
            if "channel" in told:
                channel, count = os.path.join(folder, told["channel"]), count + 1
                path = _room(channel, told["name"], host) if told["name"] else f"{channel}_0"
            else:
                piece = line.read_bytes(told["bytes"])
                with open(path, "ab") as file:
                    file.write(piece)
    except OSError as error:
        raise ClientError(f"The host {host} ended before it had handed over its part of the data.") from error
    return count


def _room(channel: str, name: str, host: str) -> str:
    """Where a file of this name goes: under it, and beside another one that another host has under the same."""
    path = os.path.join(channel, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return f"{path}-{host}" if os.path.lexists(path) else path


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece
