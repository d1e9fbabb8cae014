"""The ASGI application. `Edge.answer` is the path of a request, step by step."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sagewright.base.errors import AwsError, Transient
from sagewright.dataplane.objects.remote import UpstreamAway, UpstreamRefused
from sagewright.edge.body import Intake
from sagewright.edge.chain import Raw, Receive, Routed, Send
from sagewright.edge.registry import Registry
from sagewright.edge.steps.access_log import access_log
from sagewright.edge.steps.authenticate import authenticate
from sagewright.edge.steps.cross_origin import opened, preflight
from sagewright.edge.steps.decode import decode
from sagewright.edge.steps.dispatch import Dispatcher
from sagewright.edge.steps.encode import encode, send_response
from sagewright.edge.steps.pass_through import passed_through
from sagewright.edge.steps.receive import receive
from sagewright.edge.steps.refuse import refuse
from sagewright.edge.steps.route import route
from sagewright.operations.call import Services
from sagewright.wire.http import Response

_log = logging.getLogger(__name__)

Platform = Callable[[Raw], Awaitable[Response | None]]
"""Answers the few requests that are not AWS's (health, task credentials); None for all others."""


class Edge:
    """What uvicorn calls."""

    def __init__(
        self,
        services: Services,
        *,
        platform: Platform,
        started: Callable[[], None],
        stopped: Callable[[], None],
    ) -> None:
        """`started` and `stopped` run with the server's event loop."""
        self.services = services
        self._platform = platform
        self._registry = Registry(services)
        self._started, self._stopped = started, stopped
        self._dispatch = Dispatcher(ThreadPoolExecutor(16, thread_name_prefix="operation"))

    async def __call__(self, scope: MutableMapping[str, Any], receiver: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receiver, send)
        elif scope["type"] == "http":
            intake = Intake(receiver)
            raw = receive(scope, intake, self.services.ids)
            begun = self.services.clock.monotonic()
            response = await self._platform(raw) or await self._registry(raw)
            if response is None:
                response = await opened(raw, self.services, await self.answer(raw))
            if intake.left_unread(raw.request.headers):
                response.headers["connection"] = "close"
            await send_response(response, raw.request.method, send)
            access_log(raw, response, self.services.clock.monotonic() - begun)

    async def answer(self, raw: Raw) -> Response:
        """The path of an AWS request, as one list."""
        routed: Routed | None = None
        services = self.services
        try:
            if (allowed := await preflight(raw, services)) is not None:
                return allowed
            routed = await route(raw)
            identified = authenticate(routed, services.credentials, services.settings, services.clock.now())
            decoded = decode(identified, services)
            await services.gate.authorize(decoded.call, decoded.params)
            answer = await passed_through(decoded)
            if isinstance(answer, Response):
                return answer
            return encode(decoded, await self._dispatch(decoded) if answer is None else answer)
        except AwsError as error:
            return refuse(raw, routed, error)
        except UpstreamAway as error:
            # A code that clients try again, and not of those that say that we failed.
            return refuse(raw, routed, AwsError("RequestTimeout", str(error)))
        except UpstreamRefused as error:
            return refuse(raw, routed, AwsError("InvalidRequest", str(error)))
        except Transient as error:
            # Nothing of ours: a database that is away, say. Clients try again by themselves.
            return refuse(raw, routed, AwsError("ServiceUnavailable", str(error), status=503))
        except Exception:  # noqa: BLE001
            _log.exception("request %s failed", raw.request_id)
            return refuse(raw, routed, _internal_failure(raw.request_id))

    async def _lifespan(self, receiver: Receive, send: Send) -> None:
        while True:
            message = await receiver()
            if message["type"] == "lifespan.startup":
                self._started()
                await send({"type": "lifespan.startup.complete"})
            else:
                self._stopped()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _internal_failure(request_id: str) -> AwsError:
    return AwsError(
        "InternalFailure",
        f"Sagewright failed to answer. Its log has the cause under request id {request_id}.",
        status=500,
    )
