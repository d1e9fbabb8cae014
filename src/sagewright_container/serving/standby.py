"""Stand by: load what takes long and is the same for every model, then wait until somebody calls.

SAGEWRIGHT_STANDBY_UDS names a Unix socket; the first connection to it is the call.
"""

from __future__ import annotations

import gc
import importlib
import os
import socket
from contextlib import suppress

_SERVING = "sagewright_container.serving"
_SERVERS = (f"{_SERVING}.worker", f"{_SERVING}.predictor")

# What the models of an image need, where that is more than the module of its name.
_MODULES = {
    "scikit-learn": (
        *(f"{_SERVING}.scikit_learn", "joblib", "pandas", "sklearn.compose", "sklearn.ensemble"),
        *("sklearn.linear_model", "sklearn.pipeline", "sklearn.preprocessing"),
    ),
    "xgboost": (f"{_SERVING}.xgboost_framework", f"{_SERVING}.xgboost_algorithm"),
}


def stand_by(image: str) -> None:
    """Load an image's modules and wait for the call. Returns at once where none is to be waited for, or it came."""
    path = os.environ.get("SAGEWRIGHT_STANDBY_UDS")
    if not path or os.path.exists(path):
        return
    for module in (*_SERVERS, *_MODULES.get(image, (f"{_SERVING}.{image}",))):
        with suppress(ImportError):  # told when the model needs it
            importlib.import_module(module)
    gc.collect()
    gc.freeze()  # these modules are for good: no later collection looks at them again
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        listener.accept()[0].close()
