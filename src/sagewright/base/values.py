"""Values that every request makes several of: frozen for who reads and checks the code, and quick to make.

A frozen dataclass sets each of its fields by a call, which takes longer than all else that making one does. These are
held to be frozen by the type checker alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """As `@dataclass(frozen=True, slots=True)`, but for what happens when a field is assigned at run time."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
