"""How often and with which seed. `make chaos` asks for a hundred rounds; what it is told decides, never the clock."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import census
from .server import Server


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("chaos")
    group.addoption("--rounds", type=int, default=5, help="how often the server is killed (default: 5)")
    group.addoption("--minutes", type=float, default=1, help="how long nodes are killed (default: 1)")
    group.addoption("--chaos-seed", type=int, default=None, help="choose as the run with this seed chose")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--chaos-seed") is None:
        config.option.chaos_seed = random.randrange(1_000_000)


def pytest_report_header(config: pytest.Config) -> str:
    return f"chaos: {config.getoption('--rounds')} rounds, --chaos-seed={config.getoption('--chaos-seed')}"


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How many lives the server has."""
    return int(request.config.getoption("--rounds"))


@pytest.fixture
def minutes(request: pytest.FixtureRequest) -> float:
    """For how long nodes come and go."""
    return float(request.config.getoption("--minutes"))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """What every choice comes from. Threads race all the same: a seed makes a run like another, not equal."""
    return int(request.config.getoption("--chaos-seed"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """One that is not started; in the end nothing of it runs."""
    server = Server(tmp_path)
    try:
        yield server
    finally:
        server.kill()
        census.end_all([server.port], server.data)
