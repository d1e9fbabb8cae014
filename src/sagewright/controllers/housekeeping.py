"""What one of the servers that share their data does for all of them, now and then."""

from __future__ import annotations

import logging
import threading
from typing import Final

from sagewright.base.errors import SagewrightError
from sagewright.dataplane.objects.base import Objects
from sagewright.telemetry.logs import Logs

_log = logging.getLogger(__name__)
_EVERY: Final = 600.0
"""Seconds."""


class Housekeeping:
    """Bytes that nobody names go, and so do events that no group shows any more."""

    def __init__(self, objects: Objects, logs: Logs) -> None:
        self._objects, self._logs = objects, logs

    def run(self, stop: threading.Event) -> None:
        """Until `stop`."""
        while not stop.wait(_EVERY):
            try:
                self._objects.settle()
                self._logs.expire()
            except (SagewrightError, OSError):
                _log.exception("what is old could not be removed; that is tried again")
