"""Wait until the other hosts of a job can be named. Loaded only for jobs of several hosts."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence

from sagewright_container.training.failure import ClientError

PATIENCE_S = 15 * 60  # as long as SageMaker's toolkit waits


def wait(
    hosts: Sequence[str],
    *,
    look_up: Callable[[str], object] = socket.gethostbyname,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once every name resolves. Raises ClientError after PATIENCE_S seconds."""
    deadline = clock() + PATIENCE_S
    for host in hosts:
        pause = 0.1
        while not _resolves(host, look_up):
            if clock() > deadline:
                raise ClientError(f"The host {host} of this job could not be found within 15 minutes.")
            sleep(pause)
            pause = min(pause * 2, 30.0)


def _resolves(host: str, look_up: Callable[[str], object]) -> bool:
    try:
        look_up(host)
    except OSError:
        return False
    return True
