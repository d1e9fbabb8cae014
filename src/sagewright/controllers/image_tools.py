"""What AWS's images bring along for the entry points that clients name: the SDK, what executes notebooks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from sagewright.resources.record import Record

_REMOTE_FUNCTION: Final = "/sagemaker_remote_function_bootstrap/"
"""Part of the entry point's path: the channel with the SDK's own driver."""
_VERSION: Final = "--client_sagemaker_pysdk_version"
NOTEBOOK_JOB: Final = "amazon_sagemaker_scheduler"
_NOTEBOOK: Final = ("nbclient", "nbformat", "nbconvert", "ipykernel")


def requirements(record: Record) -> Sequence[str]:
    """Lines of a requirements.txt that the entry point of a job needs beyond what is its user's own."""
    algorithm: dict[str, Any] = record.spec["AlgorithmSpecification"]
    entry: Sequence[str] = algorithm.get("ContainerEntrypoint", ())
    if list(entry) == [NOTEBOOK_JOB]:
        return _NOTEBOOK
    if any(_REMOTE_FUNCTION in word for word in entry):
        return _sdk(_following(algorithm.get("ContainerArguments", ()), _VERSION))
    return ()


def _sdk(version: str) -> Sequence[str]:
    """The SDK as the caller of a remote function has it: the driver runs `python -m sagemaker…invoke_function`, which
    must read what the caller's SDK wrote."""
    match = re.match(r"(\d+)\.(\d+)\.\d+", version)
    if match is None:
        return ()
    if match[1] == "2":
        return (f"sagemaker=={version}",)
    # From 3 on `sagemaker` is a shell around several packages; remote functions are in this one, a major behind.
    return (f"sagemaker-core>={int(match[1]) - 1}.{match[2]},<{match[1]}",)


def _following(words: Sequence[str], option: str) -> str:
    return next((value for name, value in pairwise(words) if name == option), "")
