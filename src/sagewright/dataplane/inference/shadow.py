"""Shadow variants: copies of requests, for a variant whose answers nobody sees.

A copy leaves when the production variant has answered, so its caller never waits for it, and what becomes of it is told
to nobody; only metrics and data capture know, under the shadow's name. What would be too much for the shadow is not
copied: it may be slow without holding the server's memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from typing import Final

from sagewright.dataplane.inference import multi_model
from sagewright.dataplane.inference.ask import Ask
from sagewright.dataplane.inference.connection import Unreachable
from sagewright.dataplane.inference.containers import NoSuchContainer
from sagewright.dataplane.inference.models import ModelNotReady, NoSuchModel
from sagewright.dataplane.inference.routes import Instance, Variant

_log = logging.getLogger(__name__)

MOST: Final = 16
"""Copies that an instance may be at."""
MOST_BYTES: Final = 64 * 1024 * 1024
"""Of the bodies of all copies that are on their way."""
_TELL_EVERY: Final = 60.0
"""Seconds between two warnings."""


class Copies:
    """Those that are on their way. For the event loop's thread only."""

    def __init__(self) -> None:
        self.dropped = 0
        """How many there was no room for."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._bytes = 0
        self._told = -_TELL_EVERY

    def send(self, variant: Variant, ask: Ask) -> None:
        """Copy a request that a variant has answered to its shadow, if it is among those sampled."""
        shadow = variant.shadowed_by
        if shadow is None or not shadow.instances or random.random() * variant.weight >= shadow.weight:  # noqa: S311
            return
        instance = min(shadow.instances, key=lambda each: each.outstanding)
        size = len(ask.body)
        if instance.outstanding >= MOST or self._bytes + size > MOST_BYTES:
            self._drop(shadow)
            return
        instance.outstanding += 1
        self._bytes += size
        task = asyncio.get_running_loop().create_task(
            _answer(shadow, instance, Ask(ask.body, ask.headers, model=ask.model))
        )
        self._tasks.add(task)

        def done(task: asyncio.Task[None]) -> None:
            instance.outstanding -= 1
            self._bytes -= size
            self._tasks.discard(task)

        task.add_done_callback(done)

    def _drop(self, shadow: Variant) -> None:
        self.dropped += 1
        now = time.monotonic()
        if now - self._told >= _TELL_EVERY:
            self._told = now
            _log.warning("shadow variant %s is too slow for its share of the requests: some are left out", shadow.name)


async def _answer(shadow: Variant, instance: Instance, ask: Ask) -> None:
    # Counted like any other.
    with contextlib.suppress(Unreachable, TimeoutError, NoSuchContainer, NoSuchModel, ModelNotReady):
        await multi_model.answer(shadow, instance, ask)
