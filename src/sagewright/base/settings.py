"""What the user chose: read once, handed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

DEFAULT_PORT = 4700
DEFAULT_ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Settings:
    """One server's settings. Everything that the server keeps is under `data`."""

    data: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    engine: str = "process"
    ray_address: str = "auto"
    """Of the cluster that the engine ray uses: `auto` for the one that this machine is part of, else HOST:PORT."""
    endpoint_url: str = ""
    """Where tasks reach this server, or those that share its data (a load balancer); '' for where it listens."""
    auth: Literal["on", "off"] = "on"
    sandbox: Literal["auto", "on", "off"] = "auto"
    """Whether tasks run in bubblewrap: where it works, always (refuse without), or never."""
    container_socket: str = ""
    """Where the container engine's API is, `unix:///PATH`; '' for the usual places."""
    store: str = ""
    """Where records are kept: '' for SQLite under `data`, `memory:` for a throw-away server, or the address of a
    PostgreSQL database."""
    serverless_idle: float = 300.0
    """Seconds that an instance of a serverless variant is kept while nobody asks for it."""
    serverless_standby: bool = True
    """Whether each serverless variant that has no instance keeps a process with its framework loaded, without the
    model: it answers within a fraction of a second, and takes the framework's memory."""
    replica: bool = False
    """Whether other servers work on the same data folder and database."""
    vpc_network: Literal["platform", "host"] = "platform"
    """What tasks with a VpcConfig reach: this server and the hosts of their own job, or all that this machine does."""
    capacity: Literal["fitted", "strict"] = "fitted"
    """Whether instances are cut to what the machines have, or are as large as AWS's and else wait or are refused."""
    overcommit: float = 2.0
    """How many times fitted instances may take up the machines' vCPUs and memory: most are idle part of the time."""
    notebook_domain: str = ""
    """Below which notebook instances have their host names; '' for `localhost`, for browsers on this machine."""
    notebook_idle: float = 0.0
    """Seconds after which a notebook instance that nobody uses is stopped; 0 for never."""
    spark_history_idle: float = 900.0
    """Seconds after which a Spark history server that nobody looks at ends."""
    oidc: Path | None = None
    """What is said of the company's identity provider, which signs people in to the console; None for none."""
    notebook_docker: bool = False
    """Whether notebook instances are shown the container engine's socket: who has it is root on this machine, if the
    engine's user is."""
    runtimes: Path | None = None
    """Where the runtimes' Python environments are kept; None for `data`/runtimes."""

    @property
    def reachable_host(self) -> str:
        """Where programs on this machine reach the server."""
        return "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host  # noqa: S104

    @property
    def endpoint(self) -> tuple[str, int]:
        """Host and port at which tasks reach the server, or the servers."""
        url = urlsplit(self.endpoint_url)
        if not url.hostname:
            return self.reachable_host, self.port
        return url.hostname, url.port or (443 if url.scheme == "https" else 80)

    @property
    def runtimes_folder(self) -> Path:
        return self.runtimes or self.data / "runtimes"


def data_folder(environment: Mapping[str, str]) -> Path:
    """`SAGEWRIGHT_DATA`, else `~/.sagewright`."""
    return Path(environment.get("SAGEWRIGHT_DATA") or Path.home() / ".sagewright").expanduser().absolute()
