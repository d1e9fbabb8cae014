"""The table of loaded models, with a nursery that does as it is told."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sagewright_container.serving import memory
from sagewright_container.serving.models import AlreadyLoaded, LoadFailed, Models, NoRoom, NotLoaded
from sagewright_container.serving.nursery import PACKET


class Nursery:
    """Answers as `outcomes` say; each model is this very process."""

    def __init__(self, limit: int) -> None:
        ours, self._channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(["sleep", "60"])
        self.models = Models(ours, self._process.pid, limit=limit)
        self.outcome: dict[str, Any] = {"loaded": None}
        """What is told of a model that was started."""
        self.asked: list[str] = []
        self.models.attach(lambda: None)
        asyncio.get_running_loop().add_reader(self._channel, self._hear)
        self._ours = ours

    def tell(self, message: dict[str, Any]) -> None:
        self._channel.send(json.dumps(message).encode())

    def _hear(self) -> None:
        message = json.loads(self._channel.recv(PACKET))
        if "end" in message:
            self.tell({"ended": message["end"], "code": -signal.SIGKILL})
            return
        path = message["load"]
        self.asked.append(path)
        self.tell({"started": path, "pid": os.getpid()})
        if self.outcome:
            what, *more = self.outcome.items()
            self.tell({what[0]: path, **dict(more)})

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._channel)
        asyncio.get_running_loop().remove_reader(self._ours)
        self._process.kill()
        self._process.wait()
        self._channel.close()
        self._ours.close()


def run(work: Callable[[Nursery], Awaitable[None]], limit: int = 64 << 30) -> None:
    async def bounded() -> None:
        nursery = Nursery(limit)
        try:
            async with asyncio.timeout(60):
                await work(nursery)
        finally:
            nursery.close()

    asyncio.run(bounded())


def test_a_model_is_there_from_its_load_to_its_end(tmp_path: Path) -> None:
    async def work(nursery: Nursery) -> None:
        models = nursery.models
        await models.load("a", str(tmp_path))
        assert (models.names(), models.get("a").url) == (["a"], str(tmp_path))
        with pytest.raises(AlreadyLoaded):
            await models.load("a", str(tmp_path))
        await models.unload("a")
        for gone in (models.unload("a"), models.unload("b")):
            with pytest.raises(NotLoaded):
                await gone

    run(work)


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        ({"failed": None, "reason": "no layer", "memory": False}, LoadFailed),
        ({"failed": None, "reason": "MemoryError", "memory": True}, NoRoom),
        ({"ended": None, "code": -signal.SIGSEGV}, LoadFailed),
        ({"ended": None, "code": -signal.SIGKILL}, NoRoom),
        ({"refused": None, "reason": "Resource temporarily unavailable"}, NoRoom),
    ],
)
def test_a_load_that_fails_leaves_no_model(tmp_path: Path, outcome: dict[str, Any], error: type[Exception]) -> None:
    async def work(nursery: Nursery) -> None:
        nursery.outcome = outcome
        with pytest.raises(error):
            await nursery.models.load("a", str(tmp_path))
        with pytest.raises(NotLoaded):
            nursery.models.get("a")

    run(work)


def test_what_cannot_fit_is_not_even_begun(tmp_path: Path) -> None:
    base = memory.held_bytes(os.getpid())
    with (tmp_path / "weights").open("wb") as file:
        file.truncate(base)

    async def work(nursery: Nursery) -> None:
        with pytest.raises(NoRoom, match="Unload another one first"):
            await nursery.models.load("a", str(tmp_path))
        assert nursery.asked == []

    run(work, limit=int(base * 1.5))


def test_one_that_grows_while_it_loads_is_ended(tmp_path: Path) -> None:
    async def work(nursery: Nursery) -> None:
        nursery.outcome = {}  # it takes its time, and has grown by as much as this process has
        with pytest.raises(NoRoom):
            await nursery.models.load("a", str(tmp_path))
        assert len(nursery.asked) == 1

    run(work, limit=int(memory.held_bytes(os.getpid()) * 1.5))


def test_one_that_is_being_loaded_can_be_unloaded(tmp_path: Path) -> None:
    async def work(nursery: Nursery) -> None:
        nursery.outcome = {}
        loading = asyncio.create_task(nursery.models.load("a", str(tmp_path)))
        while not nursery.asked:
            await asyncio.sleep(0)
        await nursery.models.unload("a")
        with pytest.raises(NoRoom):
            await loading

    run(work)


def test_a_second_load_tells_how_the_first_one_ends(tmp_path: Path) -> None:
    async def work(nursery: Nursery) -> None:
        nursery.outcome = {}
        first = asyncio.create_task(nursery.models.load("a", str(tmp_path)))
        second = asyncio.create_task(nursery.models.load("a", str(tmp_path)))
        while not nursery.asked:
            await asyncio.sleep(0)
        nursery.tell({"loaded": nursery.asked[0]})
        await first
        with pytest.raises(AlreadyLoaded):
            await second

    run(work)


def test_a_model_whose_process_ends_is_not_loaded_any_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def work(nursery: Nursery) -> None:
        await nursery.models.load("a", str(tmp_path))
        model = nursery.models.get("a")
        nursery.tell({"ended": model.path, "code": 75})
        assert await model.ended == "ended with code 75"
        with pytest.raises(NotLoaded):
            nursery.models.get("a")

    run(work)
    assert "The process of the model a ended with code 75" in capsys.readouterr().err
