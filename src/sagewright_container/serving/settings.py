"""What the environment says about the model server, under the names that AWS's containers read."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import NamedTuple

_LOG = logging.getLogger(__name__)

# The first that is set counts. The others are those of the servers that AWS's containers are built on.
_TIMEOUTS = ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "SAGEMAKER_TS_RESPONSE_TIMEOUT", "MMS_DEFAULT_RESPONSE_TIMEOUT")


class Settings(NamedTuple):
    """How a model is served."""

    workers: int = 1
    """Processes, each with the model of its own."""
    timeout_s: float = 60.0
    """So long a prediction may take."""
    max_body: int | None = None
    """Bytes of a request; None: as many as the platform lets pass."""
    multi_model: bool = False


def settings(environ: Mapping[str, str]) -> Settings:
    """The settings; what is not a number is passed over, and said."""
    workers = _number(environ, "SAGEMAKER_MODEL_SERVER_WORKERS")
    timeout = next((found for name in _TIMEOUTS if (found := _number(environ, name))), None)
    most = _number(environ, "MAX_CONTENT_LENGTH")
    return Settings(
        workers=max(1, int(workers or 1)),
        timeout_s=timeout or Settings().timeout_s,
        max_body=None if most is None else int(most),
        multi_model=environ.get("SAGEMAKER_MULTI_MODEL", "").lower() == "true",
    )


def _number(environ: Mapping[str, str], name: str) -> float | None:
    said = environ.get(name)
    if not said:
        return None
    try:
        value = float(said)
    except ValueError:
        value = -1.0
    if 0 <= value < float("inf"):
        return value
    _LOG.warning("%s=%s is no number of seconds, bytes or workers: it is passed over.", name, said)
    return None
