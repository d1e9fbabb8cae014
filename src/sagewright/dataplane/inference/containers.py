"""How the containers of one instance answer a request together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sagewright.dataplane.inference.ask import INVOCATIONS, Ask, Reply, http_request
from sagewright.dataplane.inference.routes import Instance, Variant

READ_TIMEOUT: Final = 60.0
"""Seconds that a container may take for one request, as on AWS."""


class NoSuchContainer(LookupError):
    """The variant has no container of this name, or the request must name one."""


async def answer(variant: Variant, instance: Instance, ask: Ask) -> Reply:
    """What the instance answers. Raises NoSuchContainer, Unreachable, TimeoutError."""
    if instance.models is not None:
        return await instance.models.exchange(ask)
    if variant.mode == "direct":
        return await _exchange(instance, _number(variant, ask), ask.request())
    if ask.container is not None:
        raise NoSuchContainer(
            "TargetContainerHostname is for models whose containers are invoked directly (mode Direct)."
        )
    reply = await _exchange(instance, 0, ask.request())
    if variant.mode == "serial":
        reply = await _through_the_others(instance, ask, reply)
    return reply


async def _through_the_others(instance: Instance, ask: Ask, reply: Reply) -> Reply:
    """Each further container is asked with what the one before answered; the first failure is the answer."""
    others = [(name, value) for name, value in ask.headers if name != "Content-Type"]
    for number in range(1, len(instance.containers)):
        if not reply.ok:
            break
        headers = _typed(others, reply)
        reply = await _exchange(instance, number, http_request(INVOCATIONS, headers, reply.body))
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


async def _exchange(instance: Instance, number: int, request: bytes) -> Reply:
    return await instance.containers[number].exchange(request, timeout=READ_TIMEOUT)
