"""What of the invocation of endpoints is not built yet."""

from __future__ import annotations

from collections.abc import Mapping


def unbuilt() -> Mapping[str, str]:
    """What each unbuilt operation would do: completes "Sagewright does not … yet"."""
    return {
        "InvokeEndpointAsync": "invoke endpoints asynchronously",
    }
