"""What a training job's own code needs on top of its image's environment: requirements, launchers, a place to install.

Only jobs in script mode (those with a sagemaker_program) say so in a way that can be read beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import orjson

from sagewright.compute.venvs import LOCKS

_LAYERS: Final = LOCKS / "layers"


def decoded(value: str) -> str:
    """A framework hyperparameter: JSON-encoded by the SDK, plain from others."""
    try:
        text = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
    return text if isinstance(text, str) else value


def requirements(hyperparameters: Mapping[str, str], code: Path) -> Iterator[Path]:
    """Requirement files to be layered on the image's environment, in order."""
    if "sagemaker_program" not in hyperparameters:
        return
    if _is_file(code / "requirements.txt"):
        yield code / "requirements.txt"
    if decoded(hyperparameters.get("sagemaker_mpi_enabled", "")).lower() == "true":
        yield _LAYERS / "mpi.txt"
    if decoded(hyperparameters["sagemaker_program"]).endswith(".ipynb"):
        yield _LAYERS / "notebook.txt"
    if installs_itself(hyperparameters, code):
        yield _LAYERS / "package.txt"


def installs_itself(hyperparameters: Mapping[str, str], code: Path) -> bool:
    """Whether the toolkit will install the code as a package, as its `entry_point` decides: it then needs an
    environment that it may write to."""
    program = decoded(hyperparameters.get("sagemaker_program", ""))
    if not program or program.endswith((".sh", ".ipynb")):
        return False
    if _is_file(code / "setup.py"):
        return True
    return _is_file(code / "pyproject.toml") and not (code / program).is_file()


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
