"""How often an endpoint tells of itself, as its configuration asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

PERIODS: Final = (10, 30, 60, 120, 180, 240, 300)
"""Seconds between datapoints that a configuration may ask for."""
_USUAL: Final = 60


def period(config: Mapping[str, Any]) -> int:
    """Seconds between datapoints of utilization."""
    seconds: int = config.get("MetricsConfig", {}).get("MetricPublishFrequencyInSeconds", _USUAL)
    return seconds


def enhanced(config: Mapping[str, Any]) -> bool:
    """Whether instances are told apart, and the period is that of invocations too."""
    wanted: bool = config.get("MetricsConfig", {}).get("EnableEnhancedMetrics", False)
    return wanted
