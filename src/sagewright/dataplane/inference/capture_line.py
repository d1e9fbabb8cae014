"""A captured invocation as the line of JSON that AWS makes of it. Pure, and fast: there is one for each request."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from sagewright.dataplane.inference.ask import Ask, Reply
from sagewright.resources.data_capture import Settings


def line(settings: Settings, event_id: str, time: float, ask: Ask, reply: Reply) -> bytes:
    """With its newline. `time` is epoch seconds."""
    content_type = None
    metadata: dict[str, Any] = {"eventId": event_id}
    for name, value in ask.headers:
        if name == "Content-Type":
            content_type = value
        elif name == "X-Amzn-SageMaker-Inference-Id":
            metadata["inferenceId"] = value
        elif name == "X-Amzn-SageMaker-Custom-Attributes":
            metadata["customAttributes"] = [value]
    metadata["inferenceTime"] = _spelled(int(time))
    data: dict[str, Any] = {}
    if settings["input"]:
        data["endpointInput"] = _side(settings, "INPUT", content_type, ask.body)
    if settings["output"]:
        data["endpointOutput"] = _side(settings, "OUTPUT", reply.headers.get("content-type"), reply.body)
    event = {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}
    return orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)


def _side(settings: Settings, mode: str, content_type: str | None, body: bytes) -> dict[str, str]:
    if content_type is None:
        return {"mode": mode, "data": b64encode(body).decode("ascii"), "encoding": "BASE64"}
    data, encoding = _encoded(settings, content_type, body)
    return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}


def _encoded(settings: Settings, content_type: str, body: bytes) -> tuple[str, str]:
    """Text stays readable where its type is one of those that are asked for."""
    kind = content_type.partition(";")[0].strip().lower()
    encoding = "CSV" if kind in settings["csv"] else "JSON" if kind in settings["json"] else ""
    if encoding:
        try:
            return body.decode(), encoding
        except UnicodeDecodeError:
            pass  # not what it says that it is
    return b64encode(body).decode("ascii"), "BASE64"


@lru_cache(maxsize=4)
def _spelled(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
