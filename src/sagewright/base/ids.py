"""Identifiers and randomness, handed in like the time."""

from __future__ import annotations

import secrets
import uuid
from typing import Protocol


class Ids(Protocol):
    """Where names that nobody chose come from."""

    def uuid(self) -> str:
        """A random UUID in its usual spelling: request ids, inference ids, upload ids."""
        ...

    def token(self, length: int = 16) -> str:
        """`length` random lower-case letters and digits: ids that end up in paths and ARNs."""
        ...


_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


class RandomIds:
    """Unguessable ids from the operating system."""

    def uuid(self) -> str:
        return str(uuid.uuid4())

    def token(self, length: int = 16) -> str:
        return "".join(secrets.choice(_ALPHABET) for _ in range(length))
