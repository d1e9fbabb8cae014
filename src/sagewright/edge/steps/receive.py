"""Raw: give the request an id and put it into the shape that the protocols read."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache

from sagewright.base.errors import AwsError
from sagewright.base.ids import Ids
from sagewright.edge.chain import Raw, Receive
from sagewright.edge.incoming import Incoming
from sagewright.wire.http import Request

MAX_BODY = 32 * 1024 * 1024
"""Bytes of a request that is read whole."""
MAX_INVOCATION = 25 * 1024 * 1024
"""Bytes of a request to an endpoint, as AWS allows for real-time inference."""
_MAX_UNPACKED = 8 * 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS


def receive(incoming: Incoming, ids: Ids, received: float) -> Raw:
    """`received` is the clock's monotonic time."""
    headers = {_spelled(name): value.decode("latin-1") for name, value in incoming.fields}
    if len(headers) < len(incoming.fields):
        headers = _joined(incoming.fields)
    path, _, query = _origin_form(incoming.target.decode("latin-1")).partition("?")
    return Raw(
        request_id=ids.uuid(),
        request=Request(incoming.method, path, query, headers),
        receive=incoming,
        origin=f"http://{headers.get('host', 'localhost')}",
        peer=incoming.peer,
        received=received,
    )


def _joined(fields: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers of which some came more than once."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in fields:
        name, value = _spelled(raw_name), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


@lru_cache(maxsize=1024)
def _spelled(name: bytes) -> str:
    return name.decode("latin-1").lower()


def _origin_form(target: str) -> str:
    """A target without the scheme and host that clients of proxies put in front of it, and without a fragment."""
    if not target.startswith("/"):
        _, _, rest = target.partition("://")
        target = f"/{rest.partition('/')[2]}" if rest else target
    return target.partition("#")[0]


async def read_body(receiver: Receive, declared: str | None, most: int = MAX_BODY) -> bytes:
    """The whole body. Raises AwsError when it has more than `most` bytes, of which it reads no more, or breaks off."""
    if declared is not None and declared.isdigit() and int(declared) > most:
        raise _too_large(most)
    if isinstance(receiver, Incoming) and (whole := receiver.whole(most)) is not None:
        return whole
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receiver()
        if message["type"] == "http.disconnect":
            raise AwsError("RequestTimeout", "The connection was closed before the body had arrived.")
        pieces.append(message["body"])
        size += len(pieces[-1])
        if size > most:
            raise _too_large(most)
        more = message["more_body"]
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def unpacked(body: bytes) -> bytes:
    """What gzip packed, as boto3 does with large PutMetricData. Raises AwsError where it is not that, or too much."""
    unpacking = zlib.decompressobj(wbits=_GZIP)
    try:
        plain = unpacking.decompress(body, _MAX_UNPACKED)
    except zlib.error as error:
        raise AwsError("SerializationException", f"The body is not what gzip writes: {error}.") from None
    if unpacking.unconsumed_tail:
        raise _too_large(_MAX_UNPACKED)
    if not unpacking.eof:
        raise AwsError("SerializationException", "The body breaks off: its gzip has no end.")
    return plain


def _too_large(most: int) -> AwsError:
    if most == MAX_INVOCATION:
        # AWS's own answer has no code, in whose place clients put the status.
        return AwsError("413", f"HTTP content length exceeded {most} bytes.", status=413)
    return AwsError(
        "RequestEntityTooLargeException",
        f"The request is larger than {most // 2**20} MiB. Put large data into S3 and name its URI.",
        status=413,
    )
