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

    def ended(status: int | None) -> None:
        now = time.monotonic()
        if status is None:
            for each in counted:
                each.withdrew(now)
        else:
            before = begun - (ask.received or begun)
            for each in counted:
                each.ended(now, status, model=now - begun, overhead=before, instances=len(variant.instances))

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
        reply.rest.then(lambda failed: ended(0 if failed else reply.status))
        return reply
    ended(reply.status)
    if variant.captured is not None and reply.ok:
        variant.captured.take(ask, reply)
    return reply
