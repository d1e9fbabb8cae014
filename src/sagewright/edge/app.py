"""What answers requests. `Edge.answer` is the path of one, step by step."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from sagewright.base.errors import AwsError, Transient
from sagewright.dataplane.objects.remote import UpstreamAway, UpstreamRefused
from sagewright.edge.chain import Identified, Raw, Routed
from sagewright.edge.console.app import Console
from sagewright.edge.incoming import Incoming
from sagewright.edge.registry import Registry
from sagewright.edge.steps.access_log import access_log
from sagewright.edge.steps.authenticate import authenticate
from sagewright.edge.steps.cross_origin import opened, preflight
from sagewright.edge.steps.decode import decode
from sagewright.edge.steps.dispatch import Dispatcher
from sagewright.edge.steps.encode import encode
from sagewright.edge.steps.forward import authorized, forwarded
from sagewright.edge.steps.pass_through import passed_through
from sagewright.edge.steps.receive import receive
from sagewright.edge.steps.refuse import refuse
from sagewright.edge.steps.route import route
from sagewright.edge.steps.shield import shielded
from sagewright.operations.call import Params, Services
from sagewright.wire.http import Response

_log = logging.getLogger(__name__)

Own = Callable[[Raw], Awaitable[Response | None] | None]
"""Answers the few requests that are not AWS's (health, task credentials, the console's); None for all others, which it
says at once where it can: every request asks."""


class Edge:
    """Everything that answers over HTTP."""

    def __init__(self, services: Services, *, platform: Own) -> None:
        self.services = services
        self._own: Sequence[Own] = (platform, Console(services, self.carry_out), Registry(services))
        self._dispatch = Dispatcher(ThreadPoolExecutor(16, thread_name_prefix="operation"))

    async def respond(self, incoming: Incoming) -> Response:
        """The answer to a request, whoever's it is."""
        begun = self.services.clock.monotonic()
        raw = receive(incoming, self.services.ids, begun)
        for own in self._own:
            if (found := own(raw)) is not None and (response := await found) is not None:
                break
        else:
            response = await self.answer(raw)
            if "origin" in raw.request.headers:
                response = await opened(raw, self.services, response)
            response = shielded(raw, response)
        access_log(raw, response, self.services.clock.monotonic() - begun)
        return response

    async def answer(self, raw: Raw) -> Response:
        """The path of an AWS request, as one list."""
        routed: Routed | None = None
        services = self.services
        try:
            if raw.request.method == "OPTIONS":
                return await preflight(raw, services)
            routed = await route(raw)
            identified = authenticate(routed, services.credentials, services.settings, services.clock.now())
            return await self._carried_out(identified)
        except Exception as error:  # noqa: BLE001  the border of the process
            return _refused(raw, routed, error)

    async def carry_out(self, identified: Identified) -> Response:
        """The rest of the path, for who is known by other means than a signature: a session of the console."""
        try:
            return await self._carried_out(identified)
        except Exception as error:  # noqa: BLE001
            return _refused(identified.routed.raw, identified.routed, error)

    async def _carried_out(self, identified: Identified) -> Response:
        services, decoded = self.services, decode(identified, self.services)
        if services.peers is None or not authorized(decoded, services.peers):
            await services.gate.authorize(decoded.call, decoded.params)
        if services.peers is not None and (elsewhere := await forwarded(decoded, services.peers)) is not None:
            return elsewhere
        answer: Response | Params | None = None
        if decoded.call.service == "s3":
            answer = await passed_through(decoded)
        if answer is None:
            answer = await self._dispatch(decoded)
        return answer if isinstance(answer, Response) else encode(decoded, answer)


def _refused(raw: Raw, routed: Routed | None, error: Exception) -> Response:
    """What a client is told of whatever went wrong."""
    match error:
        case AwsError():
            told = error
        case UpstreamAway():
            # A code that clients try again, and not of those that say that we failed.
            told = AwsError("RequestTimeout", str(error))
        case UpstreamRefused():
            told = AwsError("InvalidRequest", str(error))
        case Transient():
            # Nothing of ours: a database that is away, say. Clients try again by themselves.
            told = AwsError("ServiceUnavailable", str(error), status=503)
        case _:
            _log.error("request %s failed", raw.request_id, exc_info=error)
            told = _internal_failure(raw.request_id)
    return refuse(raw, routed, told)


def _internal_failure(request_id: str) -> AwsError:
    return AwsError(
        "InternalFailure",
        f"Sagewright failed to answer. Its log has the cause under request id {request_id}.",
        status=500,
    )
