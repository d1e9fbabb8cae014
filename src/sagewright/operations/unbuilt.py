"""Operations whose behaviour is not built yet: each refuses at once, before its function runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.a2i import unbuilt as a2i
from sagewright.operations.ecr import unbuilt as ecr
from sagewright.operations.iam import unbuilt as iam
from sagewright.operations.ram import unbuilt as ram
from sagewright.operations.s3 import unbuilt as s3
from sagewright.operations.sagemaker import family
from sagewright.operations.sts import unbuilt as sts

_TABLES: Final[Mapping[str, Callable[[], Mapping[str, str]]]] = {
    "ecr": ecr.unbuilt,
    "iam": iam.unbuilt,
    "ram": ram.unbuilt,
    "s3": s3.unbuilt,
    "sagemaker": family.unbuilt,
    "sagemaker-a2i-runtime": a2i.unbuilt,
    "sts": sts.unbuilt,
}


_TRIED_AGAIN: Final = frozenset({("sagemaker", "CreateProject")})
"""Terraform's provider takes these operations' ValidationException for a role that is not settled, for two minutes."""


def refusal(service: str, operation: str, what: str | None = None) -> AwsError:
    """What an operation answers that is not built: a 4xx that no client takes for a reason to try again.

    What stands behind a colon in `what` says what to do instead.
    """
    missing, colon, instead = (what or f"do {operation} of {service}").partition(": ")
    sentence = f"Sagewright does not {missing} yet{colon}{instead}. Nothing was changed."
    if service == "s3":
        return AwsError("NotImplemented", sentence)
    if (service, operation) in _TRIED_AGAIN:
        return AwsError("UnsupportedOperation", sentence)
    return validation_error(sentence)


@cache
def unbuilt(service: str) -> Mapping[str, str]:
    """What each unbuilt operation of a service would do, by operation: completes "Sagewright does not … yet"."""
    table = _TABLES.get(service)
    return {} if table is None else table()
