"""Operations whose behaviour is not built yet. Each refuses at once, before its function runs; the function behind it
may already keep the record, so that building the behaviour is deleting the line here.

The reason completes the sentence "Sagewright does not … yet."
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

UNBUILT: Final[Mapping[str, Mapping[str, str]]] = {
    "sagemaker": {},
}
"""By service, by operation."""


def reason(service: str, operation: str) -> str | None:
    """Why an operation is refused; None for those that are built."""
    return UNBUILT.get(service, {}).get(operation)
