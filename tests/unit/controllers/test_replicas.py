"""Which servers may share a data folder, and which may not."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from sagewright.base.errors import Terminal
from sagewright.compute.container import ContainerEngine
from sagewright.compute.fake import FakeEngine
from sagewright.compute.process import ProcessEngine
from sagewright.controllers import replicas
from sagewright.controllers.replicas import Membership
from sagewright.store.memory import MemoryStore
from sagewright.testing.clock import ManualClock

URL = "postgresql://somewhere/records"


class SharedEngine(FakeEngine):
    @property
    def servers(self) -> Literal["one", "machine", "all"]:
        return "all"


class LonelyEngine(FakeEngine):
    @property
    def servers(self) -> Literal["one", "machine", "all"]:
        return "one"


@dataclass
class Place:
    data: Path
    store: MemoryStore
    clock: ManualClock

    def enter(self, engine: FakeEngine) -> Membership:
        return Membership(self.data, self.store, self.clock, engine)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    replicas.join(tmp_path, URL)[0].close()
    return Place(tmp_path, MemoryStore(), ManualClock())


def test_the_first_is_alone_until_it_lets_others_in(tmp_path: Path) -> None:
    first, alone = replicas.join(tmp_path, URL)
    assert alone
    replicas.share(first)
    second, alone = replicas.join(tmp_path, URL)
    assert not alone
    assert not replicas.alone(first)
    second.close()
    assert replicas.alone(first)
    first.close()


def test_records_must_be_in_postgresql(tmp_path: Path) -> None:
    with pytest.raises(Terminal, match="give --store postgresql://"):
        replicas.join(tmp_path, "")


@pytest.mark.parametrize("name", ["logs", "metrics", "neighbours.db", "state.db"])
def test_what_a_server_kept_for_itself_is_not_overlooked(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(Terminal, match=f"has {name}, which a server kept there for itself"):
        replicas.join(tmp_path, URL)


def test_a_server_that_shares_nothing_does_not_enter_a_folder_of_replicas(tmp_path: Path) -> None:
    replicas.refuse_one_server(tmp_path)
    replicas.join(tmp_path, URL)[0].close()
    with pytest.raises(Terminal, match="Replicas have worked on"):
        replicas.refuse_one_server(tmp_path)


def test_replicas_do_not_enter_beside_a_server_that_shares_nothing(tmp_path: Path) -> None:
    with (tmp_path / "server.lock").open("w") as file:
        replicas._take(file, fcntl.LOCK_EX)
        file.write("4711")
        file.flush()
        with pytest.raises(Terminal, match="A server that shares nothing works on"):
            replicas.join(tmp_path, URL)


def test_a_port_is_one_replicas(tmp_path: Path) -> None:
    replicas.join(tmp_path, URL)[0].close()
    held = replicas.announced(tmp_path, 4700)
    with pytest.raises(Terminal, match="with port 4700"):
        replicas.announced(tmp_path, 4700)
    assert replicas.working_on(tmp_path, 4700) == os.getpid()
    held.close()
    assert replicas.working_on(tmp_path, 4700) is None
    assert replicas.working_on(tmp_path, 4701) is None


def test_a_database_belongs_to_one_folder(place: Place, tmp_path: Path) -> None:
    place.enter(FakeEngine(ManualClock()))
    place.enter(FakeEngine(ManualClock()))
    other = tmp_path / "other"
    other.mkdir()
    replicas.join(other, URL)[0].close()
    with pytest.raises(Terminal, match="belongs to another data folder"):
        Membership(other, place.store, place.clock, FakeEngine(ManualClock()))


def test_tasks_of_one_machine_have_replicas_there_only(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.enter(FakeEngine(ManualClock()))
    monkeypatch.setattr(replicas, "_machine", lambda: "elsewhere")
    with pytest.raises(Terminal, match="run on the machine that starts them"):
        place.enter(FakeEngine(ManualClock()))
    place.enter(SharedEngine(ManualClock()))
    place.clock.advance(60)  # nobody is left there
    place.enter(FakeEngine(ManualClock()))


def test_an_engine_whose_tasks_one_server_knows_is_refused(place: Place) -> None:
    with pytest.raises(Terminal, match="cannot share the tasks of the engine fake"):
        place.enter(LonelyEngine(ManualClock()))


def test_what_each_engine_says_of_itself() -> None:
    assert (ProcessEngine.servers.fget(None), ContainerEngine.servers.fget(None)) == ("machine", "one")  # type: ignore[attr-defined]
