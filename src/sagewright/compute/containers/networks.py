"""Private networks: one for the hosts of a job, or for a single container of an image's own."""

from __future__ import annotations

import ipaddress
import zlib
from collections.abc import Iterable, Mapping
from typing import Final

from sagewright.compute.containers.api import Api, Refused

POOL: Final = ipaddress.ip_network("10.208.0.0/13")
"""Where networks are made: 1024 of 510 addresses each."""
_SIZE: Final = 23
_TRIES: Final = 64
_FIRST: Final = 10
"""The first host's place in its network, beyond what engines take for themselves."""


def ensure(api: Api, name: str, labels: Mapping[str, str], *, internal: bool) -> ipaddress.IPv4Network:
    """Make the network unless it is there; its addresses. `internal`: nothing leads out of it.

    Its place in the pool derives from its name; whoever is there already has us try the next one.
    """
    start, count = zlib.crc32(name.encode()), 1 << (_SIZE - POOL.prefixlen)
    problem: Refused | None = None
    for attempt in range(_TRIES):
        known = api.found(f"/networks/{name}")
        if known is not None:
            return ipaddress.IPv4Network(known["IPAM"]["Config"][0]["Subnet"])
        place = int(POOL.network_address) + ((start + attempt) % count << (32 - _SIZE))
        subnet = ipaddress.IPv4Network((place, _SIZE))
        wanted = {
            "Name": name,
            "CheckDuplicate": True,
            "Driver": "bridge",
            "Internal": internal,
            "Labels": dict(labels),
            "IPAM": {"Config": [{"Subnet": str(subnet), "Gateway": str(subnet[1])}]},
        }
        try:
            api.call("POST", "/networks/create", body=wanted)
        except Refused as refused:  # its name or its place is taken
            problem = refused
    raise problem or Refused(500, f"no network {name} could be made")


def addresses(subnet: ipaddress.IPv4Network, names: Iterable[str]) -> dict[str, str]:
    """A host's address by its name; the same whichever host asks."""
    ordered = sorted(names, key=lambda name: (len(name), name))
    return {name: str(subnet[_FIRST + number]) for number, name in enumerate(ordered)}


def remove(api: Api, name: str) -> None:
    """Remove it unless somebody is still in it: the last one removes it."""
    try:
        api.call("DELETE", f"/networks/{name}")
    except Refused as refused:
        if refused.status not in (403, 404, 409, 500):  # Podman says 500 where Docker says 403: in use
            raise
