"""The gate that every request passes between being read and being answered."""

from __future__ import annotations

from sagewright.operations.call import Call, Params


class Gate:
    """Decides by the policies in the store. Any thread may ask."""

    async def authorize(self, call: Call, request: Params) -> None:
        """Raises the called service's access-denied error unless some policy allows the request and none denies it."""
