"""Which ports a job's hosts meet at: derived from the job, so that two jobs on one machine do not take the same.

The hosts of a job share this machine's network with every other job, where on AWS each host has its own. The range
lies below the one that Linux takes for outgoing connections. Imported on every start, so it imports nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # see contract.py
    from collections.abc import Mapping

FIRST, COUNT = 20000, 10000
LOCAL = "127.0.0.1"
"""The address of the only host of a job: its name is known in a sandbox only."""
_STRIDE = 97  # so that the second choices of two jobs that share the first differ from each other's


def job_key(environ: Mapping[str, str]) -> str:
    """What the hosts of one job share and nobody else knows: what buys them their role's credentials."""
    return environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN") or environ.get("TRAINING_JOB_NAME") or "local"


def candidates(key: str, count: int = 32) -> list[int]:
    """The ports that a job tries, in order. The same for everybody who knows the key."""
    mark = 2166136261
    for byte in key.encode():  # FNV-1a
        mark = (mark ^ byte) * 16777619 % 2**32
    return [FIRST + (mark + index * (_STRIDE + mark % 1000)) % COUNT for index in range(count)]
