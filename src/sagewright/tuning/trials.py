"""What search sees of a training job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Values = Mapping[str, str]
"""Hyperparameters by name, spelled as a training job gets them."""
State = Literal["pending", "succeeded", "failed"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One training job. Losses are objectives turned so that less is better."""

    name: str
    """The job's, which no other has."""
    number: int
    """From 1 on, in the order of their creation."""
    values: Values
    state: State = "pending"
    loss: float | None = None
    """Of one that succeeded."""
    curve: Sequence[float] = ()
    """The losses that it has told until now, in their order."""
    parent: str = ""
    """The tuning job that it is of, where that is a parent of ours; '' for our own."""
