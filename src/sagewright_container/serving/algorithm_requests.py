"""What the handlers of all built-in algorithms offer to batch transform, and how they refuse forms unknown to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sagewright_container.contract import cpu_count
from sagewright_container.serving.base import acceptable, media_type
from sagewright_container.serving.errors import NotAcceptable, UnsupportedContent

MAX_PAYLOAD_MB = 6


def execution_parameters(strategy: str = "MULTI_RECORD") -> Mapping[str, Any]:
    """As AWS's images answer GET /execution-parameters."""
    return {
        "MaxConcurrentTransforms": cpu_count(),
        "BatchStrategy": strategy,
        "MaxPayloadInMB": MAX_PAYLOAD_MB,
    }


def content_type(header: str, known: Collection[str], default: str) -> str:
    """The form of a request; `default` where it says nothing. Raises UnsupportedContent."""
    media = media_type(header) or default
    if media not in known:
        raise UnsupportedContent(f"Content type {media} is not supported: it is one of {', '.join(known)}.")
    return media


def accept(header: str, known: Collection[str], default: str) -> str:
    """The form of the answer; `default` where any will do. Raises NotAcceptable."""
    media = acceptable(header, known, default)
    if media not in known:
        raise NotAcceptable(f"Accept type {media} is not supported: it is one of {', '.join(known)}.")
    return media
