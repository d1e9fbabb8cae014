"""Call the function that answers the operation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import cast

from botocore import xform_name

from sagewright.base.errors import AwsError, validation_error
from sagewright.edge.chain import Decoded
from sagewright.operations import table
from sagewright.operations.call import Call, Params, Services


class Dispatcher:
    """Handlers by service and operation, found once. Plain functions run in `workers`."""

    def __init__(self, services: Services, workers: Executor) -> None:
        self._services = services
        self._workers = workers
        self._handlers: dict[str, dict[str, table.Handler]] = {}
        self._found: dict[tuple[str, str], tuple[table.Handler, bool]] = {}

    async def __call__(self, decoded: Decoded) -> Params:
        routed = decoded.identified.routed
        handler, on_loop = self._find(routed.service, routed.operation.name)
        call = Call(
            service=routed.service,
            operation=routed.operation.name,
            principal=decoded.identified.principal,
            account=decoded.identified.principal.account,
            region=decoded.identified.region,
            request_id=routed.raw.request_id,
            headers=routed.raw.request.headers,
            host=routed.raw.origin,
            services=self._services,
        )
        if on_loop:
            return await cast(Awaitable[Params], handler(call, decoded.params))
        plain = cast(Callable[[Call, Params], Params], handler)
        return await asyncio.get_running_loop().run_in_executor(self._workers, plain, call, decoded.params)

    def _find(self, service: str, operation: str) -> tuple[table.Handler, bool]:
        """The handler, and whether it runs on the event loop."""
        found = self._found.get((service, operation))
        if found is None:
            handlers = self._handlers.get(service)
            if handlers is None:
                handlers = self._handlers[service] = table.load(service)
            handler = handlers.get(xform_name(operation))
            if handler is None:
                raise _not_built(service, operation)
            found = self._found[service, operation] = handler, table.runs_on_loop(handler)
        return found


def _not_built(service: str, operation: str) -> AwsError:
    sentence = f"Sagewright does not do {operation} of {service} yet. Nothing was changed."
    # A 4xx, so that clients do not try again for minutes.
    return AwsError("NotImplemented", sentence) if service == "s3" else validation_error(sentence)
