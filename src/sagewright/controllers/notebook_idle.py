"""Since when nobody uses a notebook instance: its kernels, who is connected to them, and its terminals are asked."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from sagewright.controllers import health

_ASKED: Final = ("/api/kernels", "/api/terminals")


def last_used(socket: Path, since: float, now: float) -> float:
    """Epoch seconds; `since` where nothing was used at all, `now` while something is or cannot be asked.

    A kernel that computes, or that a page is connected to, is in use; a terminal is when something was typed or shown.
    """
    newest = since
    for target in _ASKED:
        body = health.ask(socket, target)
        found = _parsed(body)
        if found is None:
            return now
        for each in found:
            if each.get("execution_state") == "busy" or each.get("connections"):
                return now
            newest = max(newest, _time(each.get("last_activity")))
    return newest


def _parsed(body: bytes | None) -> list[dict[str, Any]] | None:
    try:
        found = orjson.loads(body or b"")
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, list) and all(isinstance(each, dict) for each in found) else None


def _time(text: Any) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError):
        return 0.0
