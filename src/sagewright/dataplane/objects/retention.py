"""Object lock at work: which versions may not be removed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def locked(kept: Mapping[str, Any], now: float, *, bypass: bool = False) -> bool:
    """Whether a version that keeps this (see `ObjectInfo.kept`) may not be removed now; `bypass` lifts governance.

    `LegalHold` is `ON` or `OFF`; `Retention` has `Mode` and `RetainUntilDate` (epoch seconds).
    """
    if kept.get("LegalHold") == "ON":
        return True
    retention = kept.get("Retention")
    if retention is None or retention["RetainUntilDate"] <= now:
        return False
    return not (bypass and retention["Mode"] == "GOVERNANCE")
