"""A captured invocation as the line of JSON that AWS makes of it. Pure."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from sagewright.dataplane.inference.ask import Ask, Reply
from sagewright.resources.data_capture import Settings


def line(settings: Settings, event_id: str, time: float, ask: Ask, reply: Reply) -> bytes:
    """With its newline. `time` is epoch seconds."""
    asked = {name.lower(): value for name, value in ask.headers}
    data: dict[str, Any] = {}
    if settings["input"]:
        data["endpointInput"] = _side(settings, "INPUT", asked.get("content-type"), ask.body)
    if settings["output"]:
        data["endpointOutput"] = _side(settings, "OUTPUT", reply.headers.get("content-type"), reply.body)
    event = {"captureData": data, "eventMetadata": _metadata(asked, event_id, time), "eventVersion": "0"}
    return orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)


def _side(settings: Settings, mode: str, content_type: str | None, body: bytes) -> Mapping[str, str]:
    data, encoding = _encoded(settings, content_type or "", body)
    observed = {} if content_type is None else {"observedContentType": content_type}
    return {**observed, "mode": mode, "data": data, "encoding": encoding}


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


def _metadata(asked: Mapping[str, str], event_id: str, time: float) -> Mapping[str, Any]:
    metadata: dict[str, Any] = {"eventId": event_id}
    if attributes := asked.get("x-amzn-sagemaker-custom-attributes"):
        metadata["customAttributes"] = [attributes]
    if inference_id := asked.get("x-amzn-sagemaker-inference-id"):
        metadata["inferenceId"] = inference_id
    metadata["inferenceTime"] = datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return metadata
