"""Stand by: load what takes long and is the same for every model, then wait until somebody calls.

SAGEWRIGHT_STANDBY_UDS names a Unix socket; the first connection to it is the call.
"""

from __future__ import annotations

import gc
import importlib
import os
import socket
from collections.abc import Sequence
from contextlib import suppress


def stand_by(modules: Sequence[str]) -> None:
    """Import what there is of `modules` and wait for the call; return at once where none is to be waited for."""
    path = os.environ.pop("SAGEWRIGHT_STANDBY_UDS", "")
    if not path:
        return
    with suppress(FileNotFoundError):
        os.unlink(path)
    for module in modules:
        with suppress(ImportError):
            importlib.import_module(module)
    gc.collect()
    gc.freeze()  # these modules are for good: no later collection looks at them again
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        listener.accept()[0].close()
    os.unlink(path)
