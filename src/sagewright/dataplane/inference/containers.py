"""How the containers of one instance answer a request together."""

from __future__ import annotations

from collections.abc import Sequence

from sagewright.dataplane.inference.ask import INVOCATIONS, Ask, Reply, http_request
from sagewright.dataplane.inference.exchange import exchange
from sagewright.dataplane.inference.routes import Instance, Variant


class NoSuchContainer(LookupError):
    """The variant has no container of this name, or the request must name one."""


async def answer(variant: Variant, instance: Instance, ask: Ask) -> Reply:
    """What the instance answers. Raises NoSuchContainer, Unreachable, TimeoutError."""
    if instance.models is not None:
        return await instance.models.exchange(ask)
    if variant.mode == "direct":
        return await exchange(instance.containers[_number(variant, ask)], ask.request(), streams=ask.streams)
    if ask.container is not None:
        raise NoSuchContainer(
            "TargetContainerHostname is for models whose containers are invoked directly (mode Direct)."
        )
    streams = ask.streams and variant.mode != "serial"
    reply = await exchange(instance.containers[0], ask.request(), streams=streams)
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
        streams = ask.streams and number == len(instance.containers) - 1
        request = http_request(INVOCATIONS, headers, reply.body)
        reply = await exchange(instance.containers[number], request, streams=streams)
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
