"""Libraries without others that they load too where these are installed, for what is not asked of them here: often most
of the time that a small job takes, and a model server's cold start."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Collection, Iterable
from importlib.metadata import Distribution, DistributionFinder, PackageNotFoundError
from types import ModuleType
from typing import Any


def import_alone(module: str, *others: str) -> Any:
    """The module, imported as if `others` were not installed, save those that are loaded already."""
    modules: dict[str, Any] = sys.modules
    hidden = [name for name in others if name not in modules]
    modules.update(dict.fromkeys(hidden))  # None: there is no such module
    unknown = _Unknown(hidden)
    sys.meta_path.insert(0, unknown)
    try:
        return importlib.import_module(module)
    finally:
        sys.meta_path.remove(unknown)
        for name in hidden:
            del modules[name]


def import_beside_empty(module: str, *others: str) -> Any:
    """The same for one that cannot do without `others` but asks only whether what it is given is of their classes:
    beside modules where each class that is asked for has no instances."""
    modules: dict[str, Any] = sys.modules
    missing = [name for name in others if name not in modules]
    modules.update({name: _Empty(name) for name in missing})
    try:
        return importlib.import_module(module)
    finally:
        for name in missing:
            del modules[name]


class _Empty(ModuleType):
    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):  # asked by whoever looks at all modules
            raise AttributeError(name)
        made = type(name, (), {})
        setattr(self, name, made)
        return made


class _Unknown(DistributionFinder):
    """Knows no version of what is hidden: some ask for it instead of importing and seeing whether that fails."""

    def __init__(self, hidden: Collection[str]) -> None:
        self._hidden = hidden

    def find_spec(self, *_: object) -> None:
        """Modules are hidden without it."""

    def find_distributions(self, context: Any = DistributionFinder.Context()) -> Iterable[Distribution]:  # noqa: B008
        """None. Raises PackageNotFoundError, which the search ends with."""
        if context.name in self._hidden:
            raise PackageNotFoundError(context.name)
        return ()
