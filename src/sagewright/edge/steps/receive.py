"""Raw: give the request an id and put ASGI's scope into the shape that the protocols read."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any

from sagewright.base.errors import AwsError
from sagewright.base.ids import Ids
from sagewright.edge.chain import Raw, Receive
from sagewright.wire.http import Request

MAX_BODY = 32 * 1024 * 1024
"""Bytes of a request that is read whole; AWS's largest such limit is the 25 MB of InvokeEndpoint."""


def receive(scope: MutableMapping[str, Any], receiver: Receive, ids: Ids) -> Raw:
    fields: Sequence[tuple[bytes, bytes]] = scope["headers"]  # names in lower case, says ASGI
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in fields}
    if len(headers) < len(fields):
        headers = _joined(fields)
    request = Request(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
    )
    return Raw(
        request_id=ids.uuid(),
        request=request,
        receive=receiver,
        origin=f"{scope['scheme']}://{headers.get('host', 'localhost')}",
        peer=scope["client"][0] if scope.get("client") else "",
    )


def _joined(fields: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers of which some were sent twice."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in fields:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


async def read_body(receiver: Receive, declared: str | None) -> bytes:
    """The whole body. Raises AwsError when it is longer than any operation allows, or breaks off."""
    if declared is not None and declared.isdigit() and int(declared) > MAX_BODY:
        raise _too_large()
    message = await receiver()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body"):
        return body
    pieces, size = [body], len(body)
    while message["type"] == "http.request" and message.get("more_body"):
        message = await receiver()
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > MAX_BODY:
            raise _too_large()
    if message["type"] == "http.disconnect":
        raise AwsError("RequestTimeout", "The connection was closed before the body had arrived.")
    return b"".join(pieces)


def _too_large() -> AwsError:
    return AwsError(
        "RequestEntityTooLargeException",
        f"The request is larger than {MAX_BODY // 2**20} MiB. Put large data into S3 and name its URI.",
        status=413,
    )
