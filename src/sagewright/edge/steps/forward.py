"""Send a request on to the one of several servers that can answer it: the signed request, as it came.

What a serverless variant's instances are at, and which models and sessions an instance has, is known to one server.
"""

from __future__ import annotations

import asyncio
import hmac
from typing import Final
from urllib.parse import urlsplit

from sagewright.base.errors import AwsError
from sagewright.dataplane.inference.router import REPLACEMENT_TIME
from sagewright.dataplane.peers import FORWARDED, Peers
from sagewright.dataplane.tracking.connection import Unreachable, exchange
from sagewright.edge.chain import Decoded, Raw
from sagewright.wire.http import Response

_PAUSE: Final = 0.2
_HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "expect", "te", "trailer", "upgrade", FORWARDED}
)


def authorized(decoded: Decoded, peers: Peers) -> bool:
    """Whether another server has sent the request on, and so has asked its gate: it knew where the client is."""
    return hmac.compare_digest(
        decoded.identified.routed.raw.request.headers.get(FORWARDED, "").encode(), peers.secret.encode()
    )


async def forwarded(decoded: Decoded, peers: Peers) -> Response | None:
    """The answer of the server that leads; None for requests that are answered here."""
    call = decoded.call
    if call.service != "sagemaker-runtime" or "EndpointName" not in decoded.params:
        return None
    place = (call.account, call.region, decoded.params["EndpointName"])
    if call.operation == "InvokeEndpointAsync" or not await call.services.inference.kept_by_one(place, decoded.params):
        return None
    if authorized(decoded, peers):
        return None
    return await _sent_on(peers, decoded.identified.routed.raw, decoded.identified.body)


async def _sent_on(peers: Peers, raw: Raw, body: bytes) -> Response | None:
    """While one takes over from another, a request waits for a while."""
    end = asyncio.get_running_loop().time() + REPLACEMENT_TIME
    while True:
        leader = await asyncio.to_thread(peers.leader)
        if leader == "":
            return None
        try:
            if leader is not None:
                return await _asked(leader, peers, raw, body)
        except Unreachable as error:
            peers.doubt()
            if error.sent:
                raise AwsError(
                    "ServiceUnavailable", "The server that was at the request ended. Try again.", status=503
                ) from None
        if asyncio.get_running_loop().time() > end:
            raise AwsError("ServiceUnavailable", "No server has taken this endpoint over yet. Try again.", status=503)
        await asyncio.sleep(_PAUSE)


async def _asked(leader: str, peers: Peers, raw: Raw, body: bytes) -> Response:
    request, where = raw.request, urlsplit(leader)
    headers = [(name, value) for name, value in request.headers.items() if name not in _HOP_BY_HOP]
    target = request.path + (f"?{request.query}" if request.query else "")
    to = (where.hostname or "", where.port or 80)
    answer = await exchange(to, request.method, target, [*headers, (FORWARDED, peers.secret)], body)
    kept = {name: value for name, value in answer.headers.items() if name not in _HOP_BY_HOP}
    return Response(answer.status, kept, answer.body)
