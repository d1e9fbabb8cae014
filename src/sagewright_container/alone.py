"""Libraries without others that they load too where these are installed, for what is not asked of them here: often most
of the time that a small job takes, and a model server's cold start."""

from __future__ import annotations

import importlib
import sys
from typing import Any


def import_alone(module: str, *others: str) -> Any:
    """The module, imported as if `others` were not installed, save those that are loaded already."""
    modules: dict[str, Any] = sys.modules
    hidden = [name for name in others if name not in modules]
    modules.update(dict.fromkeys(hidden))  # None: there is no such module
    try:
        return importlib.import_module(module)
    finally:
        for name in hidden:
            del modules[name]
