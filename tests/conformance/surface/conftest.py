"""Servers without a port, empty or with one of everything. All operations answer, also those not built yet."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagewright import compose
from sagewright.base.settings import Settings
from sagewright.operations import unbuilt
from sagewright.testing.asker import Asker
from sagewright.testing.population import Population

ROLE = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"


@pytest.fixture(scope="module")
def everything_built() -> Iterator[None]:
    """Operations that are not built yet answer as what is behind them does."""
    log = logging.getLogger("sagewright")
    before = log.level
    log.setLevel(logging.CRITICAL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unbuilt, "unbuilt", lambda _service: {})
        yield
    log.setLevel(before)


def _server(folder: Path) -> Iterator[Population]:
    server = compose.build(Settings(data=folder / "data", store="memory:", sandbox="off"))
    services = server.app.services
    yield Population(Asker(server, services.credentials.root(), services.clock.now()), ROLE)
    server.close()


@pytest.fixture(scope="module")
def empty(everything_built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Population]:
    yield from _server(tmp_path_factory.mktemp("empty"))


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Population]:
    """A server as users have it."""
    yield from _server(tmp_path)


@pytest.fixture(scope="module")
def full(everything_built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Population]:
    for population in _server(tmp_path_factory.mktemp("full")):
        population.fill()
        yield population
