"""What a user's entry point is, and how it is run: script, package, notebook, or any program."""

from __future__ import annotations

import os
import sys

from sagewright_container.training.failure import ClientError

PACKAGE, SCRIPT, NOTEBOOK, COMMAND = "package", "script", "notebook", "command"
_NOTEBOOK_RUNNER = "sagewright_container.training.notebook"


class EntryPoint:
    """An entry point in a folder of code.

    The kinds are those of SageMaker's toolkit (`*.sh` is a program, a setup.py makes a package, `*.py` is a script,
    all else is a program), and where it would fail: notebooks, packages named as modules or folders.
    """

    def __init__(self, folder: str, name: str) -> None:
        """Raises ClientError with what there is when `name` is not in `folder`."""
        self.folder = folder
        self.name = name
        self._target = self._find()
        self.kind = self._kind()

    @property
    def is_project(self) -> bool:
        """Whether the folder can be installed."""
        return self.has("setup.py") or self.has("pyproject.toml")

    def has(self, file: str) -> bool:
        """Whether the folder holds a file of this name at its top."""
        return os.path.isfile(os.path.join(self.folder, file))

    def command(self, arguments: list[str]) -> list[str]:
        """The command that runs it, in its folder."""
        if self.kind == PACKAGE:
            module = self.name.removesuffix(".py").strip("/").replace("/", ".")
            return [sys.executable, "-m", module, *arguments]
        if self.kind == SCRIPT:
            marker = ["--"] if self.name.startswith("-") else []
            return [sys.executable, *marker, self.name, *arguments]
        if self.kind == NOTEBOOK:
            return [sys.executable, "-m", _NOTEBOOK_RUNNER, os.path.join(".", self.name)]
        os.chmod(self._target, 0o755)  # noqa: S103  archives lose the bit; the script must run
        return ["/bin/sh", "-c", 'exec "./$0" "$@"', self.name, *arguments]

    def _find(self) -> str:
        root = os.path.realpath(self.folder)
        target = os.path.realpath(os.path.join(root, self.name))
        if os.path.isabs(self.name) or not target.startswith(root + os.sep):
            raise ClientError(f"The entry point {self.name!r} is not a path inside the source directory.")
        if not os.path.exists(target) and not os.path.exists(target + ".py") and not self._names_module(root):
            there = ", ".join(sorted(os.listdir(root))[:20])
            raise ClientError(f"There is no {self.name!r} in the source directory, which holds: {there}.")
        return target

    def _names_module(self, root: str) -> bool:
        """Whether it is a module of the package that is installed from here: `trainer.main`."""
        parts = self.name.split(".")
        if not self.is_project or not all(part.isidentifier() for part in parts):
            return False
        places = [os.path.join(root, *parts), os.path.join(root, "src", *parts)]
        return any(os.path.isdir(place) or os.path.exists(place + ".py") for place in places)

    def _kind(self) -> str:
        if self.name.endswith(".sh"):
            return COMMAND
        if self.name.endswith(".ipynb"):
            return NOTEBOOK
        if self.has("setup.py") or not os.path.isfile(self._target):
            return PACKAGE
        return SCRIPT if self.name.endswith(".py") else COMMAND
