"""Messages of `application/vnd.amazon.eventstream`, which InvokeEndpointWithResponseStream and its like answer with.

Format (https://smithy.io/2.0/aws/amazon-eventstream.html): total length, headers' length, CRC32 of these two, headers,
payload, CRC32 of all before; integers are big-endian.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

_OVERHEAD: Final = 16
_STRING: Final = 7


def event(kind: str, payload: bytes, *, content_type: str = "application/octet-stream") -> bytes:
    """One event; `kind` is the member of the output's union ("PayloadPart")."""
    return _framed(_of_event(kind, content_type), payload)


def exception(kind: str, payload: bytes) -> bytes:
    """A modelled error that ends the stream; `payload` is its JSON document."""
    headers = {":message-type": "exception", ":exception-type": kind, ":content-type": "application/json"}
    return message(headers, payload)


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """A message with string headers."""
    return _framed(_packed(headers), payload)


@lru_cache(maxsize=64)
def _of_event(kind: str, content_type: str) -> bytes:
    return _packed({":message-type": "event", ":event-type": kind, ":content-type": content_type})


def _packed(headers: Mapping[str, str]) -> bytes:
    return b"".join(_header(name, value) for name, value in headers.items())


def _framed(packed: bytes, payload: bytes) -> bytes:
    prelude = struct.pack("!II", _OVERHEAD + len(packed) + len(payload), len(packed))
    body = b"".join((prelude, struct.pack("!I", zlib.crc32(prelude)), packed, payload))
    return body + struct.pack("!I", zlib.crc32(body))


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return b"".join((bytes([len(key)]), key, bytes([_STRING]), struct.pack("!H", len(text)), text))
