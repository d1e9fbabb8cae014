"""Python imports this by itself where the folder is on PYTHONPATH: TensorFlow learns `s3://` when a script imports it.

TensorFlow had S3 of its own before 2.6; now tensorflow-io brings it, which scripts of that time do not import. Where
it is not installed, nothing changes.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # every script's start would pay for it
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class _Finder:
    """Lets others find tensorflow, and acts once it is there."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        from importlib.util import find_spec

        spec = find_spec(name)
        if spec is None or spec.loader is None or find_spec("tensorflow_io") is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            _add_s3()

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _add_s3() -> None:
    import ctypes

    import tensorflow_io  # noqa: F401  registers its file systems

    # What it registers aborts when the process takes itself apart, long after Python's own end: so end it before that,
    # with the status that it has.
    libc = ctypes.CDLL(None)
    libc.on_exit(libc._exit, None)


sys.meta_path.insert(0, _Finder())
