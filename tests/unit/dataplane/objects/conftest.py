"""One set of objects per test, on each store that a laptop has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sagewright.base.ids import RandomIds
from sagewright.dataplane.objects.base import Objects
from sagewright.store.base import Store
from sagewright.store.memory import MemoryStore
from sagewright.store.sqlite import SqliteStore

ACCOUNT = "123456789012"


class Ticking:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = 1_700_000_000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "state.db")
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def start(store: Store, folder: Path, clock: Ticking) -> Iterator[Callable[[], Objects]]:
    """Start, or start again, on the same store and folder."""
    started: list[Objects] = []

    def make() -> Objects:
        started.append(Objects(store, folder, account=ACCOUNT, clock=clock, ids=RandomIds()))
        return started[-1]

    yield make
    for objects in started:
        objects.close()


@pytest.fixture
def objects(start: Callable[[], Objects]) -> Objects:
    """Objects with one bucket, `bucket`."""
    made = start()
    made.buckets.create("bucket", "us-east-1")
    return made


@pytest.fixture
def files(folder: Path) -> Callable[[], list[str]]:
    """Every file under the folder, without marks."""

    def found() -> list[str]:
        paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        return sorted(path for path in paths if not path.startswith("doubt/"))

    return found


@pytest.fixture
def marks(folder: Path) -> Callable[[], list[str]]:
    """The blobs that are in doubt."""
    return lambda: sorted(path.name for path in (folder / "doubt").iterdir())
