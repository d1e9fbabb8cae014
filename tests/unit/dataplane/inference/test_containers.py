"""Containers of one instance answer together, and the last one may stream."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from sagewright.dataplane.inference import containers
from sagewright.dataplane.inference.ask import Ask, Reply
from sagewright.dataplane.inference.routes import Instance, Variant

from .test_connection import CHUNKED, OK, model, says


class Whole:
    """A container that answers at once."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply

    async def exchange(self, request: bytes, *, timeout: float) -> Reply:
        return self.reply


def asked(pools: Sequence[Any], ask: Ask, mode: str = "serial") -> Reply:
    instance = Instance("t", cast(Any, pools), "v/i")
    variant = Variant("v", 1.0, False, mode, ["a", "b"], [instance], {})
    return asyncio.run(_read(variant, instance, ask))


async def _read(variant: Variant, instance: Instance, ask: Ask) -> Reply:
    reply = await containers.answer(variant, instance, ask)
    if reply.rest is None:
        return reply
    return Reply(reply.status, reply.headers, b"|".join([piece async for piece in reply.rest]))


def test_the_last_container_of_a_pipeline_streams() -> None:
    async def run() -> Reply:
        between = b"xx"
        async with model(says(CHUNKED + b"3\r\none\r\n0\r\n\r\n")) as last:
            pools = [Whole(Reply(200, {}, between)), last]
            instance = Instance("t", cast(Any, pools), "v/i")
            variant = Variant("v", 1.0, False, "serial", ["a", "b"], [instance], {})
            return await _read(variant, instance, Ask(b"", streams=True))

    assert asyncio.run(run()).body == b"one"


def test_a_pipeline_that_fails_early_does_not_stream() -> None:
    reply = asked([Whole(Reply(400, {}, b"no")), Whole(Reply(200, {}, b""))], Ask(b"", streams=True))
    assert (reply.status, reply.body) == (400, b"no")


@pytest.mark.parametrize("size", [3, 200_000])
def test_of_a_failure_that_streams_the_beginning_is_told(size: int) -> None:
    async def run() -> Reply:
        answer = OK.replace(b"200 OK", b"500 No") + b"Content-Length: %d\r\n\r\n" % size + b"x" * size
        async with model(says(answer)) as pool:
            instance = Instance("t", [pool], "v/i")
            variant = Variant("v", 1.0, False, "single", ["a"], [instance], {})
            return await containers.answer(variant, instance, Ask(b"hi", [], streams=True))

    reply = asyncio.run(run())
    assert (reply.status, len(reply.body), reply.rest) == (500, min(size, 64 * 1024), None)
