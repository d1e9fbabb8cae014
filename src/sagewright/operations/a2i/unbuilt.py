"""What of human review is not built yet."""

from __future__ import annotations

from collections.abc import Mapping


def unbuilt() -> Mapping[str, str]:
    """What each unbuilt operation would do: completes "Sagewright does not … yet"."""
    return {"StartHumanLoop": "ask people to review predictions"}
