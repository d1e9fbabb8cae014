"""A body that has no end of its own: a stream of events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator


class Endless:
    """Pieces that are made as long as somebody reads. A server that stops breaks it off; who listens comes again."""

    def __init__(self, made: AsyncGenerator[bytes]) -> None:
        self._made = made

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._made)

    async def aclose(self) -> None:
        """Nobody reads on."""
        await self._made.aclose()
