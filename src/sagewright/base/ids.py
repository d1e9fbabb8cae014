"""Identifiers and randomness, handed in like the time."""

from __future__ import annotations

import os
import secrets
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
        # Written out, as each request has one: the standard library's object takes four times as long.
        digits = os.urandom(16).hex()
        variant = "89ab"[int(digits[16], 16) & 3]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

    def token(self, length: int = 16) -> str:
        return "".join(secrets.choice(_ALPHABET) for _ in range(length))
