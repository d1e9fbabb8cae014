"""How the containers of one instance answer a request together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from sagewright.dataplane.inference.ask import INVOCATIONS, Ask, Reply, Rest, http_request
from sagewright.dataplane.inference.connection import Pool, Unreachable
from sagewright.dataplane.inference.routes import Instance, Variant

READ_TIMEOUT: Final = 60.0
"""Seconds that a container may take for one request, as on AWS; and between two pieces of an answer that streams."""
STREAM_TIMEOUT: Final = 480.0
"""Seconds that an answer may stream."""


class NoSuchContainer(LookupError):
    """The variant has no container of this name, or the request must name one."""


async def answer(variant: Variant, instance: Instance, ask: Ask) -> Reply:
    """What the instance answers. Raises NoSuchContainer, Unreachable, TimeoutError."""
    if instance.models is not None:
        return await instance.models.exchange(ask)
    if variant.mode == "direct":
        return await _exchange(variant, instance, _number(variant, ask), ask.request(), streams=ask.streams)
    if ask.container is not None:
        raise NoSuchContainer(
            "TargetContainerHostname is for models whose containers are invoked directly (mode Direct)."
        )
    streams = ask.streams and (variant.mode != "serial" or len(instance.containers) == 1)
    reply = await _exchange(variant, instance, 0, ask.request(), streams=streams)
    if variant.mode == "serial":
        reply = await _through_the_others(variant, instance, ask, reply)
    return reply


async def _through_the_others(variant: Variant, instance: Instance, ask: Ask, reply: Reply) -> Reply:
    """Each further container is asked with what the one before answered; the first failure is the answer."""
    others = [(name, value) for name, value in ask.headers if name != "Content-Type"]
    for number in range(1, len(instance.containers)):
        if not reply.ok:
            break
        headers = _typed(others, reply)
        streams = ask.streams and number == len(instance.containers) - 1
        request = http_request(INVOCATIONS, headers, reply.body)
        reply = await _exchange(variant, instance, number, request, streams=streams)
    return reply


def _typed(headers: Sequence[tuple[str, str]], reply: Reply) -> Sequence[tuple[str, str]]:
    kind = reply.headers.get("content-type")
    return headers if kind is None else [("Content-Type", kind), *headers]


def _number(variant: Variant, ask: Ask) -> int:
    if ask.container is None:
        raise NoSuchContainer(f"Name one of the containers in TargetContainerHostname: {', '.join(variant.hostnames)}.")
    if ask.container not in variant.hostnames:
        raise NoSuchContainer(f"There is no container named {ask.container}, only {', '.join(variant.hostnames)}.")
    return variant.hostnames.index(ask.container)


async def _exchange(
    variant: Variant, instance: Instance, number: int, request: bytes, *, streams: bool = False
) -> Reply:
    """Where there are several containers, each has metrics of its own."""
    pool = instance.containers[number]
    if not variant.by_container:
        return await _answered(pool, request, streams=streams)
    counted, begun = variant.by_container[number], time.monotonic()
    counted.began(begun)
    status: int | None = None
    try:
        reply = await _answered(pool, request, streams=streams)
        status = reply.status
        return reply
    except TimeoutError:
        status = 0
        raise
    except Unreachable as error:
        status = 0 if error.sent else None
        raise
    finally:
        now = time.monotonic()
        if status is None:
            counted.withdrew(now)
        else:
            counted.ended(now, status, model=now - begun)


async def _answered(pool: Pool, request: bytes, *, streams: bool) -> Reply:
    if not streams:
        return await pool.exchange(request, timeout=READ_TIMEOUT)
    stream = await pool.stream(request, timeout=READ_TIMEOUT, total=STREAM_TIMEOUT)
    if 200 <= stream.status < 300:
        return Reply(stream.status, stream.headers, b"", stream)
    return Reply(stream.status, stream.headers, await _beginning(stream))


async def _beginning(stream: Rest) -> bytes:
    """Of a failure that streams, as much as anybody will want to know."""
    found = b""
    try:
        async for piece in stream:
            found += piece
            if len(found) > _TOLD:
                break
    finally:
        await stream.aclose()
    return found[:_TOLD]


_TOLD: Final = 64 * 1024
