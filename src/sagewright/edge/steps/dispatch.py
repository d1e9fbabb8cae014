"""Call the function that answers the operation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import cast

from botocore import xform_name

from sagewright.edge.chain import Decoded
from sagewright.neighbours.table import NEIGHBOURS
from sagewright.operations import neighbour, table, unbuilt
from sagewright.operations.call import Call, Params


class Dispatcher:
    """Handlers by service and operation, found once. Plain functions run in `workers`."""

    def __init__(self, workers: Executor) -> None:
        self._workers = workers
        self._handlers: dict[str, dict[str, table.Handler]] = {}
        self._found: dict[tuple[str, str], tuple[table.Handler, bool]] = {}

    async def __call__(self, decoded: Decoded) -> Params:
        call = decoded.call
        handler, on_loop = self._find(call.service, call.operation)
        if on_loop:
            return await cast(Awaitable[Params], handler(call, decoded.params))
        plain = cast(Callable[[Call, Params], Params], handler)
        return await asyncio.get_running_loop().run_in_executor(self._workers, _ended, plain, call, decoded.params)

    def _find(self, service: str, operation: str) -> tuple[table.Handler, bool]:
        """The handler, and whether it runs on the event loop."""
        found = self._found.get((service, operation))
        if found is None:
            handlers = self._handlers.get(service)
            if handlers is None:
                handlers = self._handlers[service] = table.load(service)
            handler = handlers.get(xform_name(operation)) or (neighbour.ask if service in NEIGHBOURS else None)
            reason = unbuilt.unbuilt(service).get(operation)
            if reason is not None or handler is None:
                raise unbuilt.refusal(service, operation, reason)
            found = self._found[service, operation] = handler, table.runs_on_loop(handler)
        return found


def _ended(plain: Callable[[Call, Params], Params], call: Call, params: Params) -> Params:
    try:
        return plain(call, params)
    except StopIteration as slip:
        # No future can carry one: asyncio would leave who asked waiting for ever.
        raise RuntimeError(f"{call.operation} looked for what is not there") from slip
