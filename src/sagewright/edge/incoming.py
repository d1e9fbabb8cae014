"""A request as its connection reads it: the head is there, the body may still be on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any


class Incoming:
    """Calling it gives the next piece of the body, in the form of ASGI's messages.

    `http.request` with `body` and `more_body`; `http.disconnect` where the client left, or kept us waiting too long,
    and after the last piece.
    """

    __slots__ = (
        "_begun", "_continued", "_lost", "_pieces", "_read", "_size", "_taken", "_waiter", "chunks", "ended", "fields",
        "keep_alive", "method", "peer", "target",
    )  # fmt: skip

    def __init__(
        self,
        method: str,
        target: bytes,
        fields: Sequence[tuple[bytes, bytes]],
        *,
        peer: str = "",
        keep_alive: bool = True,
        chunks: bool = True,
        taken: Callable[[Incoming], None] | None = None,
    ) -> None:
        """`taken` is called when more of the body is wanted; `chunks` tells whether the client reads such answers."""
        self.method, self.target, self.fields = method, target, fields
        self.peer = peer
        self.keep_alive, self.chunks = keep_alive, chunks
        self.ended = False
        """Whether all of the body has come."""
        self._continued = False
        self._taken = taken
        self._pieces: list[bytes] = []
        self._size = 0
        self._begun = self._read = self._lost = False
        self._waiter: asyncio.Future[None] | None = None

    def add(self, piece: bytes) -> int:
        """A piece has come; how many bytes wait to be read."""
        self._pieces.append(piece)
        self._size += len(piece)
        self._wake()
        return self._size

    def end(self) -> None:
        """The body is complete."""
        self.ended = True
        self._wake()

    def lose(self) -> None:
        """No more will come, or be waited for."""
        self._lost = True
        self._wake()

    def expects_continue(self) -> bool:
        """Whether the client waits to be asked for its body; true once."""
        first, self._continued = not self._continued, True
        return first and any(name.lower() == b"expect" and b"100" in value for name, value in self.fields)

    def whole(self, most: int) -> bytes | None:
        """The body, where all of it is here, none of it was read, and it has at most so many bytes; else None."""
        if not self.ended or self._begun or self._size > most:
            return None
        self._begun = self._read = True
        pieces, self._pieces, self._size = self._pieces, [], 0
        return b"".join(pieces)

    async def __call__(self) -> MutableMapping[str, Any]:
        await self._more()
        if self._read or (self._lost and not self.ended):
            return {"type": "http.disconnect"}
        pieces, self._pieces, self._size = self._pieces, [], 0
        self._begun, self._read = True, self.ended
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return {"type": "http.request", "body": body, "more_body": not self.ended}

    async def _more(self) -> None:
        """Wait until there is something to say."""
        if not self._settled() and self._taken is not None:
            self._taken(self)
        while not self._settled():
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    def _settled(self) -> bool:
        return bool(self._pieces) or self.ended or self._lost

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
