"""Lifecycles as tables: `(state, event) → state`, without I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sagewright.base.errors import InvalidTransition


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """How one noun lives. A pair that the table does not list is a mistake of ours, never of a client's:
    operations ask `allows` first."""

    noun: str
    transitions: Mapping[tuple[str, str], str]
    settled: tuple[str, ...]
    """States in which nothing is left to do."""

    def allows(self, state: str, event: str) -> bool:
        return (state, event) in self.transitions

    def after(self, state: str, event: str, story: str = "") -> str:
        """The state that follows. Raises InvalidTransition with the record's story."""
        try:
            return self.transitions[state, event]
        except KeyError:
            raise InvalidTransition(f"{self.noun}: no way from {state!r} by {event!r}. {story}".rstrip()) from None
