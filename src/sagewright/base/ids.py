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


_AT_ONCE = 64
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


class RandomIds:
    """Unguessable ids from the operating system."""

    def __init__(self) -> None:
        self._drawn: list[str] = []
        os.register_at_fork(after_in_child=self._drawn.clear)

    def uuid(self) -> str:
        # Each request has one: the standard library's object takes four times as long, and so does asking the system.
        try:
            digits = self._drawn.pop()
        except IndexError:
            drawn = os.urandom(16 * _AT_ONCE).hex()
            digits, *more = (drawn[start : start + 32] for start in range(0, len(drawn), 32))
            self._drawn += more
        variant = "89ab"[int(digits[16], 16) & 3]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

    def token(self, length: int = 16) -> str:
        return "".join(secrets.choice(_ALPHABET) for _ in range(length))
