"""Raw: give the request an id and put it into the shape that the protocols read."""

from __future__ import annotations

from functools import lru_cache

from sagewright.base.errors import AwsError
from sagewright.base.ids import Ids
from sagewright.edge.chain import Raw, Receive
from sagewright.edge.incoming import Incoming
from sagewright.wire.http import Request

MAX_BODY = 32 * 1024 * 1024
"""Bytes of a request that is read whole; AWS's largest such limit is the 25 MB of InvokeEndpoint."""


def receive(incoming: Incoming, ids: Ids) -> Raw:
    headers: dict[str, str] = {}
    for raw_name, raw_value in incoming.fields:
        name, value = _spelled(raw_name), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    path, _, query = _origin_form(incoming.target.decode("latin-1")).partition("?")
    return Raw(
        request_id=ids.uuid(),
        request=Request(incoming.method, path, query, headers),
        receive=incoming,
        origin=f"http://{headers.get('host', 'localhost')}",
        peer=incoming.peer,
    )


@lru_cache(maxsize=1024)
def _spelled(name: bytes) -> str:
    return name.decode("latin-1").lower()


def _origin_form(target: str) -> str:
    """A target without the scheme and host that clients of proxies put in front of it, and without a fragment."""
    if not target.startswith("/"):
        _, _, rest = target.partition("://")
        target = f"/{rest.partition('/')[2]}" if rest else target
    return target.partition("#")[0]


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
