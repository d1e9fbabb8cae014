"""Where notebook instances are, and Spark's history servers: each at a host name of its own, so that its pages are
strangers to all others.

    NAME.notebook.REGION.DOMAIN        DOMAIN is --notebook-domain; `localhost` for who asks on the server's machine
    NAME.spark.REGION.DOMAIN

Browsers take every name below `localhost` to be this machine.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Final

from sagewright.base.settings import Settings
from sagewright.operations.call import Call

NO_DOMAIN: Final = (
    "Notebook instances need host names of their own, which this server's address has not. Start the server with "
    "--notebook-domain DOMAIN, where *.notebook.REGION.DOMAIN leads to it; or ask for the URL on the server's machine, "
    "by http://localhost."
)
NO_SPARK_DOMAIN: Final = (
    "Spark's history needs a host name of its own, which this server's address has not. Start the server with "
    "--notebook-domain DOMAIN, where *.spark.REGION.DOMAIN leads to it; or ask on the server's machine, by "
    "http://localhost."
)
NOTEBOOK: Final = "notebook"
SPARK: Final = "spark"
_LOCAL: Final = "localhost"
_HOST: Final = re.compile(rf"([a-z0-9-]{{1,63}})\.({NOTEBOOK}|{SPARK})\.([a-z0-9-]+)\.(.+?)(:[0-9]+)?")


def of(call: Call, name: str, what: str = NOTEBOOK) -> str | None:
    """The address of an instance, or of `what` else, for who calls; None where there is none for them."""
    scheme, _, rest = call.host.partition("://")
    host, port = _split(rest)
    domain = call.services.settings.notebook_domain or (_LOCAL if _is_local(host) else "")
    if not domain:
        return None
    return f"{scheme}://{name.lower()}.{what}.{call.region}.{domain}{port}/"


def read(host: str, settings: Settings) -> tuple[str, str, str] | None:
    """What a Host header is about, NOTEBOOK or SPARK, its lower-case name and region; None for all other hosts."""
    return _read(host, settings.notebook_domain)


@lru_cache(maxsize=1024)
def _read(host: str, domain: str) -> tuple[str, str, str] | None:
    found = _HOST.fullmatch(host.lower())
    if found is None or found[4] not in (_LOCAL, domain.lower()):
        return None
    return found[2], found[1], found[3]


def _split(host: str) -> tuple[str, str]:
    """Name or address, and `:port` or nothing."""
    name, colon, port = host.rpartition(":")
    return (name, colon + port) if colon and port.isdigit() else (host, "")


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == _LOCAL or host.lower().endswith(f".{_LOCAL}")
