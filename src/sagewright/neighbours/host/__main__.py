"""`python -m sagewright.neighbours.host`: started by `neighbours.client`, with its end of the stream."""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import signal
import socket
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from sagewright.neighbours.host import guard

if TYPE_CHECKING:
    from sagewright.neighbours.host.snapshots import Snapshots


def main() -> None:
    """Hold the neighbours until the server is gone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--stream", type=int, required=True)
    parser.add_argument("--server", required=True)
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    # Not on the command line, which others can read: there may be a password in it.
    database = os.environ.pop("SAGEWRIGHT_NEIGHBOURS", None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    snapshots = _snapshots(given.data, database, given.server)  # which may be reached by a network
    guard.bar_the_way_out()
    # Imported only now: moto reads the environment when it is imported.
    from sagewright.neighbours.host.work import Work

    Work(socket.socket(fileno=given.stream), snapshots).run()


def _snapshots(data: Path | None, database: str | None, server: str) -> Snapshots:
    from importlib.metadata import version

    from sagewright.neighbours.host.snapshots import Snapshots

    moto = version("moto")
    if database is not None:
        from sagewright.neighbours.host.shared_snapshots import SharedSnapshots

        return SharedSnapshots(database, moto=moto, server=server)
    path = None
    if data is not None:
        path = data / "neighbours.db"
        # The process of a server that was killed a moment ago may still be writing its last.
        fcntl.flock(os.open(data / "neighbours.lock", os.O_RDWR | os.O_CREAT, 0o600), fcntl.LOCK_EX)
    return Snapshots(path, moto=moto, server=server)


if __name__ == "__main__":
    main()
