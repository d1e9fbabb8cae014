"""Copies for shadow variants: how many there are, and that they cost nobody anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from sagewright.dataplane.inference import shadow
from sagewright.dataplane.inference.ask import Ask, Reply
from sagewright.dataplane.inference.connection import Unreachable
from sagewright.dataplane.inference.routes import Instance, Instances, Variant
from sagewright.dataplane.inference.shadow import MOST, Copies
from sagewright.resources import routing
from sagewright.resources.endpoint import KIND
from sagewright.resources.record import Key, Record


class Server:
    """A model server that answers when it is told to."""

    def __init__(self, socket: str) -> None:
        self.socket = socket
        self.asked: list[bytes] = []
        self.error: Exception | None = None
        self.answers = asyncio.Event()

    async def exchange(self, request: bytes, *, timeout: float) -> Reply:
        self.asked.append(request)
        await self.answers.wait()
        if self.error is not None:
            raise self.error
        return Reply(200, {}, b"")


MODEL = {"PrimaryContainer": {"Image": "i"}}


def variant(weight: float = 1.0, shadow_weight: float | None = 1.0, instances: int = 1) -> Variant:
    """A production variant that is routed to beside a shadow."""
    members = [{"task": f"t{number}", "sockets": ["/s"], "log_stream": "s/i-1"} for number in range(instances)]
    entries = [routing.variant({"VariantName": "v", "InitialVariantWeight": weight}, MODEL, [])]
    if shadow_weight is not None:
        settings = {"VariantName": "s", "InitialVariantWeight": shadow_weight}
        entries.append(routing.variant(settings, MODEL, members, shadow=True))
    status = {"serving": [routing.generation(1, entries)]}
    record = Record(Key("1", "r", KIND, "", "e"), "u", 0, 0, status=status)
    route = Instances(pool=cast(Any, Server)).route(record, "arn")
    return route.generations[0].variants[0]


def servers(of: Variant) -> list[Server]:
    assert of.shadowed_by is not None
    return [cast(Server, each.containers[0]) for each in of.shadowed_by.instances]


def instances(of: Variant) -> list[Instance]:
    assert of.shadowed_by is not None
    return list(of.shadowed_by.instances)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0)


def test_a_copy_has_the_body_and_the_headers_but_not_whom_it_was_for() -> None:
    async def copy() -> None:
        production = variant()
        (server,) = servers(production)
        Copies().send(production, Ask(b"body", [("Accept", "text/csv")], variant="v", session="none"))
        assert server.asked == [], "the caller is answered first"
        await asyncio.sleep(0)
        assert server.asked == [Ask(b"body", [("Accept", "text/csv")]).request()]

    asyncio.run(copy())


@pytest.mark.parametrize(
    ("weight", "shadow_weight", "share"), [(1, 1, 1), (2, 1, 0.5), (1, 0.1, 0.1), (1, 5, 1), (0, 1, 1), (1, 0, 0)]
)
def test_the_sample_is_as_large_as_the_shadows_weight_is_to_productions(
    monkeypatch: pytest.MonkeyPatch, weight: float, shadow_weight: float, share: float
) -> None:
    drawn = iter(number / 100 for number in range(100))
    monkeypatch.setattr(shadow, "MOST", 1000)
    monkeypatch.setattr("random.random", lambda: next(drawn))
    production = variant(weight, shadow_weight)

    async def copy() -> int:
        copies = Copies()
        for _ in range(100):
            copies.send(production, Ask(b""))
        await asyncio.sleep(0)
        return len(servers(production)[0].asked) if production.shadowed_by else 0

    assert asyncio.run(copy()) == round(100 * share)


def test_without_a_shadow_nothing_happens() -> None:
    Copies().send(variant(shadow_weight=None), Ask(b""))
    Copies().send(variant(instances=0), Ask(b""))


def test_what_is_too_much_is_left_out_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    async def copy() -> None:
        production, copies = variant(instances=2), Copies()
        for _ in range(2 * MOST + 5):
            copies.send(production, Ask(b""))
        assert (copies.dropped, len(caplog.records)) == (5, 1)
        assert [each.outstanding for each in instances(production)] == [MOST, MOST]
        for server in servers(production):
            server.answers.set()
        await until(lambda: [each.outstanding for each in instances(production)] == [0, 0])
        copies.send(production, Ask(b""))
        assert copies.dropped == 5

    asyncio.run(copy())


def test_bodies_on_their_way_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "MOST_BYTES", 10)

    async def copy() -> None:
        production, copies = variant(), Copies()
        for body in (b"1234", b"1234", b"1234"):
            copies.send(production, Ask(body))
        assert copies.dropped == 1
        servers(production)[0].answers.set()
        await until(lambda: instances(production)[0].outstanding == 0)
        copies.send(production, Ask(b"1234567890"))
        assert copies.dropped == 1

    asyncio.run(copy())


@pytest.mark.parametrize("error", [TimeoutError(), Unreachable("gone", sent=True), Unreachable("gone", sent=False)])
def test_its_failures_are_nobodys(caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    async def copy() -> None:
        production = variant()
        (server,) = servers(production)
        server.error = error
        server.answers.set()
        Copies().send(production, Ask(b""))
        await until(lambda: instances(production)[0].outstanding == 0)

    asyncio.run(copy())
    assert caplog.records == []
