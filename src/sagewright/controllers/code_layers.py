"""What a training job's own code needs on top of its image's environment: requirements, launchers, a place to install.

Only jobs in script mode (those with a sagemaker_program) say so in a way that can be read beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import orjson

from sagewright.compute.venvs import LOCKS
from sagewright.controllers import staging

_LAYERS: Final = LOCKS / "layers"
_NO_SSH: Final = (
    "ClientError: SDK v3's MPI driver starts an SSH server in each container and logs in from one to the other, which "
    "tasks of the process engine cannot. Use Torchrun, or distribution={'mpi': …} of SDK v2, or, on one host, "
    "requirements openmpi and mpi4py and a command that calls mpirun."
)


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


def refusal(ml: Path) -> str | None:
    """Why a job that brings SDK v3's driver cannot run, None if it can."""
    started = staging.read_inside(ml, "input/data/sm_drivers/sm_train.sh", limit=20_000)
    return _NO_SSH if "/mpi_driver.py" in started else None


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
