"""What AWS's images bring along for the entry points that clients name: the SDK, what executes notebooks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from sagewright.compute.venvs import LOCKS
from sagewright.resources.record import Record

_REMOTE_FUNCTION: Final = "/sagemaker_remote_function_bootstrap/"
"""Part of the entry point's path: the channel with the SDK's own driver."""
_VERSION: Final = "--client_sagemaker_pysdk_version"
NOTEBOOK_JOB: Final = "amazon_sagemaker_scheduler"
_NOTEBOOK: Final = LOCKS / "layers" / "notebook.txt"


def requirements(record: Record, folder: Path) -> Iterator[Path]:
    """Requirement files to be layered on the image's environment. What is needed once only is written to `folder`."""
    algorithm: dict[str, Any] = record.spec["AlgorithmSpecification"]
    entry: Sequence[str] = algorithm.get("ContainerEntrypoint", ())
    if list(entry) == [NOTEBOOK_JOB]:
        yield _NOTEBOOK
    if any(_REMOTE_FUNCTION in word for word in entry):
        sdk = _sdk(_following(algorithm.get("ContainerArguments", ()), _VERSION))
        if sdk:
            (folder / "sagemaker-sdk.txt").write_text(f"{sdk}\n")
            yield folder / "sagemaker-sdk.txt"


def _sdk(version: str) -> str:
    """The SDK as the caller of a remote function has it: the driver runs `python -m sagemaker…invoke_function`, which
    must read what the caller's SDK wrote."""
    match = re.match(r"(\d+)\.(\d+)\.\d+", version)
    if match is None:
        return ""
    if match[1] == "2":
        return f"sagemaker=={version}"
    # From 3 on `sagemaker` is a shell around several packages; remote functions are in this one, a major behind.
    return f"sagemaker-core>={int(match[1]) - 1}.{match[2]}.0,<{match[1]}"


def _following(words: Sequence[str], option: str) -> str:
    return next((value for name, value in pairwise(words) if name == option), "")
