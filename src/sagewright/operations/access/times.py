"""How condition keys say when."""

from __future__ import annotations

from datetime import UTC, datetime


def instant(moment: float) -> str:
    """Epoch seconds as `2026-01-01T00:00:00Z`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
