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

from sagewright.neighbours.host import guard


def main() -> None:
    """Hold the neighbours until the server is gone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--stream", type=int, required=True)
    parser.add_argument("--server", required=True)
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    guard.bar_the_way_out()
    # Imported only now: moto reads the environment when it is imported.
    from importlib.metadata import version

    from sagewright.neighbours.host.snapshots import Snapshots
    from sagewright.neighbours.host.work import Work

    stream = socket.socket(fileno=given.stream)
    path = None
    if given.data is not None:
        path = given.data / "neighbours.db"
        # The process of a server that was killed a moment ago may still be writing its last.
        fcntl.flock(os.open(given.data / "neighbours.lock", os.O_RDWR | os.O_CREAT, 0o600), fcntl.LOCK_EX)
    Work(stream, Snapshots(path, moto=version("moto"), server=given.server)).run()


if __name__ == "__main__":
    main()
