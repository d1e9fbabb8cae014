"""Which models an instance has loaded, with a container that holds as many as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from sagewright.dataplane.inference.ask import Ask, Reply
from sagewright.dataplane.inference.connection import Pool, Unreachable
from sagewright.dataplane.inference.models import LoadRefused, Models, NoSuchModel, Source, name_of

SOURCE = Source("s3://b/all", "role", "eu-west-1")


@dataclass
class Container:
    """AWS's contract, in memory. Stands in for its own pool of connections."""

    room: int = 2
    loaded: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    """Models that it cannot load."""
    answers: dict[str, int] = field(default_factory=dict)
    """The status of a model's answers."""
    hold: asyncio.Event | None = None
    """Loads wait for it."""

    async def exchange(self, request: bytes, *, timeout: float) -> Reply:
        head, _, body = request.partition(b"\r\n\r\n")
        method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
        name = path.removeprefix("/models/").removesuffix("/invoke")
        if path == "/models" and method == "POST":
            return await self._load(json.loads(body))
        if path.startswith("/models?") or path == "/models":
            return self._page(path.partition("=")[2])
        if name not in self.loaded:
            return Reply(404, {}, b"")
        if method == "DELETE":
            self.loaded.remove(name)
        return Reply(self.answers.get(name, 200), {}, name.encode()) if method == "POST" else Reply(200, {}, b"")

    async def _load(self, given: dict[str, str]) -> Reply:
        if self.hold is not None:
            await self.hold.wait()
        name = given["model_name"]
        assert given["url"] == f"/folder/{name}"
        if name in self.broken:
            return Reply(500, {}, b"no such layer")
        if len(self.loaded) >= self.room:
            return Reply(507, {}, b"full")
        self.loads.append(name)
        self.loaded.append(name)
        return Reply(200, {}, b"")

    def _page(self, after: str) -> Reply:
        names = [name for name in sorted(self.loaded) if name > after]
        more = {"nextPageToken": names[0]} if len(names) > 1 else {}
        return Reply(200, {}, json.dumps({"models": [{"modelName": name} for name in names[:1]], **more}).encode())


@dataclass
class Folders:
    """Where models are put."""

    here: set[str] = field(default_factory=set)

    async def fetch(self, task: str, source: Source, target: str, name: str) -> str:
        if target.startswith("missing"):
            raise NoSuchModel(target)
        self.here.add(name)
        return f"/folder/{name}"

    async def remove(self, task: str, name: str) -> None:
        self.here.discard(name)

    async def keep_only(self, task: str, names: Collection[str]) -> None:
        self.here &= set(names)


@dataclass
class Bench:
    container: Container = field(default_factory=Container)
    folders: Folders = field(default_factory=Folders)
    told: list[tuple[str, float]] = field(default_factory=list)

    def models(self, source: Source = SOURCE) -> Models:
        """Those of the container, as a server that has just begun sees them."""

        def tell(name: str, value: float, unit: str = "Microseconds") -> None:
            self.told.append((name, value))

        return Models("task", cast(Pool, self.container), source, self.folders, tell)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def ask(models: Models, target: str) -> Reply:
    held = await models.take(target)
    try:
        return await models.exchange(Ask(b"", model=target))
    finally:
        models.give_back(held)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(60):
            return await work

    return asyncio.run(bounded())


def names(*targets: str) -> list[str]:
    return [name_of(SOURCE, target) for target in targets]


def test_many_first_requests_load_a_model_once(bench: Bench) -> None:
    async def work() -> None:
        models = bench.models()
        await asyncio.gather(*(ask(models, "a") for _ in range(20)))

    run(work())
    assert bench.container.loads == names("a")
    hits = [value for name, value in bench.told if name == "ModelCacheHit"]
    assert hits == [0.0] * 20
    assert {"ModelDownloadingTime", "ModelLoadingTime", "ModelLoadingWaitTime"} < {name for name, _ in bench.told}


def test_the_least_recently_used_one_gives_way_with_its_files(bench: Bench) -> None:
    async def work() -> None:
        models = bench.models()
        for target in ("a", "b", "a", "c"):
            await ask(models, target)
        assert (models.loaded, models.wanted("b"), models.wanted("a")) == (2, None, 0)

    run(work())
    assert sorted(bench.container.loaded) == sorted(names("a", "c"))
    assert bench.folders.here == set(names("a", "c"))
    assert "ModelUnloadingTime" in {name for name, _ in bench.told}


def test_one_that_is_in_use_is_not_sent_away(bench: Bench) -> None:
    bench.container.room = 1

    async def work() -> None:
        models = bench.models()
        held = await models.take("a")
        other = asyncio.create_task(ask(models, "b"))
        while not bench.folders.here >= set(names("b")):
            await asyncio.sleep(0)
        assert (await models.exchange(Ask(b"", model="a"))).ok
        assert not other.done()
        models.give_back(held)
        assert (await other).ok

    run(work())
    assert bench.container.loads == names("a", "b")


def test_more_at_once_than_there_is_room_for(bench: Bench) -> None:
    async def work() -> list[Reply]:
        models = bench.models()
        return list(await asyncio.gather(*(ask(models, f"{number % 10}") for number in range(50))))

    replies = run(work())
    assert [reply.body.decode() for reply in replies] == names(*(f"{number % 10}" for number in range(50)))
    assert len(bench.container.loaded) == 2
    assert len(bench.folders.here) == 2


def test_one_that_fits_nowhere_is_refused_and_the_others_are_gone(bench: Bench) -> None:
    bench.container.room = 0

    async def work() -> None:
        with pytest.raises(LoadRefused) as caught:
            await ask(bench.models(), "a")
        assert caught.value.reply.status == 507

    run(work())
    assert bench.folders.here == set()


def test_what_cannot_be_loaded_leaves_nothing_and_may_be_tried_again(bench: Bench) -> None:
    bench.container.broken = set(names("a"))

    async def work() -> None:
        models = bench.models()
        with pytest.raises(LoadRefused):
            await ask(models, "a")
        with pytest.raises(NoSuchModel):
            await ask(models, "missing")
        assert (models.count, bench.folders.here) == (0, set())
        bench.container.broken.clear()
        assert (await ask(models, "a")).ok

    run(work())


def test_one_that_its_container_has_lost_is_loaded_again(bench: Bench) -> None:
    async def work() -> None:
        models = bench.models()
        await ask(models, "a")
        bench.container.loaded.clear()
        assert (await ask(models, "a")).ok

    run(work())
    assert bench.container.loads == names("a", "a")


def test_a_models_own_404_is_its_answer(bench: Bench) -> None:
    bench.container.answers = dict.fromkeys(names("a"), 404)
    assert run(ask(bench.models(), "a")).status == 404
    assert bench.container.loads == names("a")


def test_a_new_server_asks_what_is_loaded(bench: Bench) -> None:
    bench.container.loaded = names("a", "b")
    bench.folders.here = {*names("a", "b"), "half"}

    async def work() -> None:
        models = bench.models()
        assert (await ask(models, "a")).ok
        assert models.loaded == 2

    run(work())
    assert bench.container.loads == []
    assert bench.folders.here == set(names("a", "b"))


def test_without_a_cache_a_model_leaves_with_its_last_request(bench: Bench) -> None:
    async def work() -> None:
        models = bench.models(SOURCE._replace(cached=False))
        await asyncio.gather(*(ask(models, "a") for _ in range(5)))
        while bench.folders.here:
            await asyncio.sleep(0)

    run(work())
    assert (bench.container.loads, bench.container.loaded) == (names("a"), [])


def test_an_instance_that_cannot_be_asked_is_asked_again_later(bench: Bench) -> None:
    async def gone(request: bytes, *, timeout: float) -> Reply:
        raise Unreachable("gone", sent=False)

    async def work() -> None:
        models = bench.models()
        there, bench.container.exchange = bench.container.exchange, gone  # type: ignore[method-assign]
        with pytest.raises(Unreachable):
            await ask(models, "a")
        bench.container.exchange = there  # type: ignore[method-assign]
        assert (await ask(models, "a")).ok

    run(work())


def test_who_waits_no_longer_does_not_end_the_loading(bench: Bench) -> None:
    async def work() -> None:
        models = bench.models()
        bench.container.hold = asyncio.Event()
        first = asyncio.create_task(ask(models, "a"))
        while not bench.folders.here:
            await asyncio.sleep(0)
        first.cancel()
        bench.container.hold.set()
        assert (await ask(models, "a")).ok

    run(work())
    assert bench.container.loads == names("a")


@pytest.mark.parametrize("target", ["/etc/passwd", "../a", "b/../../a", ".."])
def test_a_target_that_leads_out_is_refused(bench: Bench, target: str) -> None:
    with pytest.raises(NoSuchModel, match="is not a path below the models' prefix"):
        run(ask(bench.models(), target))
