"""A request body that is read piece by piece and proves itself on the way."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping

from sagewright.base.errors import AwsError
from sagewright.edge.chain import Receive
from sagewright.wire.chunked import ChunkedDecoder


class BodyStream:
    """Yields the payload, decoded from aws-chunked.

    Raises AwsError, at the latest at the end, if it is not what was signed: nothing is kept until then.
    """

    def __init__(self, receive: Receive, *, decoder: ChunkedDecoder | None, sha256: str | None) -> None:
        """`sha256` is the hex digest that the payload was declared to have, if one was."""
        self._receive = receive
        self._decoder = decoder
        self._declared = sha256
        self.trailers: Mapping[str, str] = {}
        """The trailing headers (checksums), known once the stream has ended."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        digest = hashlib.sha256() if self._declared else None
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise AwsError("IncompleteBody", "The connection was closed before the body had arrived.")
            data: bytes = message.get("body", b"")
            more = message.get("more_body", False)
            if digest is not None:
                digest.update(data)
            for piece in self._decoder.feed(data) if self._decoder else (data,):
                if piece:
                    yield piece
        if self._decoder is not None:
            self._decoder.finish()
            self.trailers = self._decoder.trailers
        if digest is not None and digest.hexdigest() != self._declared:
            raise AwsError(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )
