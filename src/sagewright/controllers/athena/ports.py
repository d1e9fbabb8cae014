"""What queries work with, as the caller may have it."""

from __future__ import annotations

from typing import Any, Protocol

from sagewright.controllers.platform import ObjectFiles
from sagewright.resources.record import Record


class Caller(ObjectFiles, Protocol):
    """Who asked for a query: their objects, and their catalog. Methods raise SagewrightError for what they may not."""

    def glue(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """What an operation of Glue's answers."""
        ...

    def allow(self, service: str, operation: str, params: dict[str, Any]) -> None:
        """Raises SagewrightError where the caller may not ask a service for an operation."""
        ...

    def put_bytes(self, bucket: str, key: str, data: bytes) -> object:
        """Store bytes as an object; durable on return."""
        ...

    def remove(self, bucket: str, key: str) -> object:
        """Remove an object; nothing where it is not there."""
        ...


class Callers(Protocol):
    """Gives who asked for a query."""

    def __call__(self, query: Record) -> Caller: ...
