"""Both ends of the line on which mpirun starts its daemons on other hosts, in the place of ssh.

mpirun calls this module as it would call ssh, with a host and a command. It hands them to the toolkit that waits on
that host, and ends as the command does.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping

from sagewright_container.training.cluster import Cluster
from sagewright_container.training.meeting import Line, proof, proves
from sagewright_container.training.ports import job_key

AGENTS = "SAGEWRIGHT_MPI_AGENTS"
"""The variable in which the first host's mpirun finds the others' ports, as JSON by host."""
_ANSWER_S = 30.0


def serve(
    door: socket.socket, cluster: Cluster, environ: Mapping[str, str], daemons: list[subprocess.Popen[bytes]]
) -> None:
    """Take commands from the first host's mpirun until `door` is closed; what was started is added to `daemons`."""
    while True:
        try:
            connection, _ = door.accept()
        except OSError:
            return
        arguments = (Line(connection), cluster, environ, daemons)
        threading.Thread(target=_obey, args=arguments, daemon=True).start()


def _obey(line: Line, cluster: Cluster, environ: Mapping[str, str], daemons: list[subprocess.Popen[bytes]]) -> None:
    with contextlib.suppress(OSError), contextlib.closing(line):
        line.connection.settimeout(_ANSWER_S)
        nonce = secrets.token_hex(16)
        line.write({"nonce": nonce})
        asked = line.read()
        if not proves(asked, cluster.key, f"mpirun {cluster.current}", nonce):
            return
        line.connection.settimeout(None)
        shell = ["/bin/sh", "-c", str(asked["command"])]
        daemon = subprocess.Popen(shell, env=environ, stdin=subprocess.DEVNULL, start_new_session=True)
        daemons.append(daemon)
        line.write({"ended": daemon.wait()})


def main(arguments: list[str]) -> int:
    """`HOST COMMAND…`: run the command on that host; answer its exit code (255, as ssh, where it cannot be had)."""
    host, command = arguments[0], " ".join(arguments[1:])
    port = json.loads(os.environ[AGENTS])[host]
    try:
        line = Line(socket.create_connection((host, port), timeout=_ANSWER_S))
        nonce = str(line.read().get("nonce"))
        key = job_key(os.environ)
        line.write({"proof": proof(key, f"mpirun {host}", nonce), "command": command})
        line.connection.settimeout(None)
        code = line.read_end()
    except OSError as error:
        sys.stderr.write(f"The host {host} could not be asked to take part: {error}\n")
        return 255
    return 255 if code is None else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
