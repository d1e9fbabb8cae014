"""PyTorch without its compiler, which its optimizers import, and half of that again, for two calls that do nothing
where nothing is compiled: as long as `import torch` itself takes, and most of what a short job does."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

_COMPILER = "torch._dynamo"


def torch() -> Any:
    """PyTorch, for networks that are not compiled. Whoever asks for more of the compiler has the real one."""
    library: Any = importlib.import_module("torch")
    if _COMPILER not in sys.modules:
        library._dynamo = sys.modules[_COMPILER] = _Nothing(_COMPILER)
    return library


class _Nothing(ModuleType):
    """In the compiler's place: what the optimizers call, until somebody asks for something else."""

    @staticmethod
    def graph_break(*_: Any, **__: Any) -> None:
        """There is no graph."""

    @staticmethod
    def disable(function: Callable[..., Any], *_: Any, **__: Any) -> Callable[..., Any]:
        """A function that is not to be compiled."""
        return function

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(_COMPILER) is self:
            if name in ("__spec__", "__file__"):  # asked by whoever looks at all modules
                raise AttributeError(name)
            del sys.modules[_COMPILER]
        real = importlib.import_module(_COMPILER)
        vars(sys.modules["torch"])["_dynamo"] = real
        return getattr(real, name)
