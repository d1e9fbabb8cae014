"""Several servers over one database and one folder, and a balancer in front of them."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from sagewright.testing.postgres import NoPostgres, serving

from . import census
from .balancer import Balancer
from .server import SAGEWRIGHT, Server


class Replicas:
    """They are killed and started again one by one; some other one is always up."""

    def __init__(self, servers: list[Server], balancer: Balancer) -> None:
        self.servers = servers
        self.port = balancer.port
        """The balancer's."""
        self.ports: Sequence[int] = [server.port for server in servers]
        self.data = servers[0].data
        self.up = threading.Event()

    @property
    def lives(self) -> int:
        return sum(server.lives for server in self.servers)

    def environment(self) -> dict[str, str]:
        """The keys are in the folder."""
        return self.servers[0].environment()

    def start(self) -> None:
        """Those that do not run."""
        down = [server for server in self.servers if not server.up.is_set()]
        for server in down:
            server.spawn()
        for server in down:
            server.wait()
        self.up.set()

    def kill(self, choose: random.Random) -> int:
        """One or two of them, never all, some with their process groups. How many."""
        chosen = choose.sample(self.servers, min(choose.choice((1, 1, 2)), len(self.servers) - 1))
        for server in chosen:
            server.kill(group=choose.random() < 0.5)
        return len(chosen)

    def tail(self) -> str:
        return "\n".join(server.tail() for server in self.servers)


@contextmanager
def together(
    folder: Path, *options: str, count: int = 3, program: tuple[str, ...] = (str(SAGEWRIGHT),)
) -> Iterator[Replicas]:
    """Replicas that are not started yet; what is left of them in the end is ended. `options` are those of `up`."""
    try:
        with serving() as database, Balancer() as balancer:
            shared = ("--replica", "--store", database.new_database())
            shared += ("--endpoint-url", f"http://127.0.0.1:{balancer.port}", *options)
            servers = [Server(folder, *shared, program=program, log=f"{name}.log") for name in "abc"[:count]]
            replicas = Replicas(servers, balancer)
            balancer.between(replicas.ports)
            try:
                yield replicas
            finally:
                for server in servers:
                    server.kill(group=True)
                census.end_all([replicas.port, *replicas.ports], replicas.data)
    except NoPostgres as error:
        pytest.skip(str(error))
