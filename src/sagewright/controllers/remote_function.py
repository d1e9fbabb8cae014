"""Remote functions: training jobs that the SDKs' `@remote` and `RemoteExecutor` compose around a pickled function."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from sagewright.resources.record import Record

_CHANNEL: Final = "/sagemaker_remote_function_bootstrap/"
"""Part of the entry point's path: the channel with the SDK's own driver."""
_VERSION: Final = "--client_sagemaker_pysdk_version"


def sdk_requirement(record: Record) -> str:
    """What a remote function needs of the SDK, as a line of requirements; '' for other jobs.

    The driver runs `python -m sagemaker…invoke_function`: AWS's images bring the SDK along, and it must read what the
    caller's wrote, so the job gets the version that the caller has.
    """
    algorithm: dict[str, Any] = record.spec["AlgorithmSpecification"]
    if not any(_CHANNEL in word for word in algorithm.get("ContainerEntrypoint", ())):
        return ""
    version = _following(algorithm.get("ContainerArguments", ()), _VERSION)
    match = re.match(r"(\d+)\.(\d+)\.\d+", version)
    if match is None:
        return ""
    if match[1] == "2":
        return f"sagemaker=={version}"
    # From 3 on `sagemaker` is a shell around several packages; remote functions are in this one, a major behind.
    return f"sagemaker-core>={int(match[1]) - 1}.{match[2]},<{match[1]}"


def _following(words: Sequence[str], option: str) -> str:
    return next((value for name, value in zip(words, words[1:], strict=False) if name == option), "")
