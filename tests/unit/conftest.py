"""A whole server without its port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sagewright import compose
from sagewright.base.settings import Settings
from sagewright.testing.asker import Answer, Asker


@pytest.fixture
def asker(tmp_path: Path) -> Iterator[Asker]:
    server = compose.build(Settings(data=tmp_path / "data", store="memory:", sandbox="off"))
    services = server.app.services
    yield Asker(server, services.credentials.root(), services.clock.now())
    server.close()


@pytest.fixture
def ask(asker: Asker) -> Callable[..., Answer]:
    return asker.ask
