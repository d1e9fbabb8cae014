"""Operations whose behaviour is not built yet: each refuses at once, before its function runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from sagewright.operations.sagemaker import family

_TABLES: Final[Mapping[str, Callable[[], Mapping[str, str]]]] = {
    "sagemaker": family.unbuilt,
}


@cache
def unbuilt(service: str) -> Mapping[str, str]:
    """What each unbuilt operation of a service would do, by operation: completes "Sagewright does not … yet"."""
    table = _TABLES.get(service)
    return {} if table is None else table()
