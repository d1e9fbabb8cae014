"""Operations whose behaviour is not built yet: each refuses at once, before its function runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from sagewright.operations.a2i import unbuilt as a2i
from sagewright.operations.ecr import unbuilt as ecr
from sagewright.operations.iam import unbuilt as iam
from sagewright.operations.runtime import unbuilt as runtime
from sagewright.operations.s3 import unbuilt as s3
from sagewright.operations.sagemaker import family
from sagewright.operations.sts import unbuilt as sts

_TABLES: Final[Mapping[str, Callable[[], Mapping[str, str]]]] = {
    "ecr": ecr.unbuilt,
    "iam": iam.unbuilt,
    "s3": s3.unbuilt,
    "sagemaker": family.unbuilt,
    "sagemaker-a2i-runtime": a2i.unbuilt,
    "sagemaker-runtime": runtime.unbuilt,
    "sts": sts.unbuilt,
}


@cache
def unbuilt(service: str) -> Mapping[str, str]:
    """What each unbuilt operation of a service would do, by operation: completes "Sagewright does not … yet"."""
    table = _TABLES.get(service)
    return {} if table is None else table()
