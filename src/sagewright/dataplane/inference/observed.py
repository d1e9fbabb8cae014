"""What an instance answers, while what it took is counted and some of it captured."""

from __future__ import annotations

import time

from sagewright.dataplane.inference import containers
from sagewright.dataplane.inference.ask import Ask, Reply
from sagewright.dataplane.inference.connection import Unreachable
from sagewright.dataplane.inference.routes import Instance, Variant


async def answer(variant: Variant, instance: Instance, ask: Ask) -> Reply:
    """Raises what `containers.answer` does.

    A request that no model can have begun with is not counted: whoever asks goes on to the next instance.
    """
    begun = time.monotonic()
    counted = variant.counted if instance.counted is None else (*variant.counted, instance.counted)
    for each in counted:
        each.began(begun)

    before = begun - (ask.received or begun)

    def ended(status: int | None) -> None:
        now = time.monotonic()
        for each in counted:
            if status is None:
                each.withdrew(now)
            else:
                each.ended(now, status, model=now - begun, overhead=before, instances=len(variant.instances))

    def first_chunk() -> None:
        now = time.monotonic()
        for each in counted:
            each.first_chunk(now - begun, before)

    def stream_ended(failed: bool) -> None:
        for each in counted:
            each.streamed(failed)
        ended(0 if failed else reply.status)

    try:
        reply = await containers.answer(variant, instance, ask)
    except TimeoutError:
        ended(0)
        raise
    except Unreachable as error:
        ended(0 if error.sent else None)
        raise
    except BaseException:
        ended(None)
        raise
    if reply.rest is not None:
        reply.rest.first(first_chunk)
        reply.rest.then(stream_ended)
        return reply
    ended(reply.status)
    if variant.captured is not None and reply.ok:
        variant.captured.take(ask, reply)
    return reply
