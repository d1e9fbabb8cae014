"""Install what a code folder brings, where the platform has not layered it already. Loaded only then."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys

from sagewright_container.training.failure import INSTALL_MODULE, INSTALL_REQUIREMENTS, ClientError, report
from sagewright_container.training.relay import run


def install(folder: str, *, package: bool, requirements: bool) -> None:
    """Install the folder's requirements.txt, and the folder itself as a package, where we run.

    Raises ClientError in the toolkit's form when the installer fails.
    """
    if requirements:
        _install(folder, INSTALL_REQUIREMENTS, ["-r", "requirements.txt"])
    if package:
        _install(folder, INSTALL_MODULE, [*_build(folder), "."])


def _build(folder: str) -> list[str]:
    """A setup.py alone is built with the setuptools that is here, so that it needs no network."""
    declared = os.path.exists(os.path.join(folder, "pyproject.toml"))
    return [] if declared or importlib.util.find_spec("setuptools") is None else ["--no-build-isolation"]


def _install(folder: str, kind: str, what: list[str]) -> None:
    command = [*_installer(), *what]
    ended = run(command, cwd=folder, environ=os.environ)
    if ended.exit_code:
        raise ClientError(report(kind, command, ended.exit_code, ended.stderr_tail))


def _installer() -> list[str]:
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "pip", "install", "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
