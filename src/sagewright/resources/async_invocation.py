"""Asynchronous invocations: requests that wait in the store until an instance of their endpoint is free.

They stand under their endpoint, by names that tell when they came and until when they may wait, so that the order of
the names is the order of their turns and nobody has to read a record to know its place.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from sagewright.resources.model import mode
from sagewright.resources.record import Key, Record

KIND: Final = "async-invocation"
BODY: Final = "async-invocation-body"
"""Bodies that came with their requests, under the same names: what waits stays small."""

LONGEST_WAIT: Final = 21_600
TIMEOUT: Final = 900
"""Seconds, where a request does not say: in the queue, and on an instance."""
LONGEST_NOTICE: Final = 131_072
"""Bytes of an answer that still go into a notice."""


def name(created: float, ttl: float, token: str) -> str:
    """Of a request that came at `created` (epoch seconds) and may wait `ttl` seconds."""
    return f"{int(created * 1000):014d}-{int((created + ttl) * 1000):014d}-{token}"


def created(name: str) -> float:
    """When a request came, in epoch seconds."""
    return int(name.split("-")[0]) / 1000


def expires(name: str) -> float:
    """Until when a request may wait, in epoch seconds."""
    return int(name.split("-")[1]) / 1000


def body_key(invocation: Key) -> Key:
    return invocation._replace(kind=BODY)


def check_config(config: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]) -> None:
    """Whether a configuration with an AsyncInferenceConfig can be had. Raises ValueError with a sentence."""
    if "AsyncInferenceConfig" not in config:
        return
    asked = {
        "shadow variants": bool(config.get("ShadowProductionVariants")),
        "explanations": "ExplainerConfig" in config,
        "multi-model containers": any(mode(model) == "multi-model" for model in models.values()),
        "containers that are invoked directly": any(mode(model) == "direct" for model in models.values()),
    }
    named = [what for what, is_asked in asked.items() if is_asked]
    if named:
        raise ValueError(f"Asynchronous endpoints do not support {' and '.join(named)}. Nothing was created.")
    output = config["AsyncInferenceConfig"]["OutputConfig"]
    for member in ("S3OutputPath", "S3FailurePath"):
        if not output.get(member, "s3://").startswith("s3://"):
            raise ValueError(f"{member} {output[member]} must be an S3 address: s3://bucket/prefix.")


def locations(config: Mapping[str, Any], inference_id: str, request: Mapping[str, Any]) -> dict[str, str]:
    """OutputLocation and FailureLocation of a request, as far as the AsyncInferenceConfig says where they are."""
    output = config["OutputConfig"]
    file_name = request.get("Filename", f"{inference_id}.out")
    stem, dot, extension = file_name.rpartition(".")
    failed = f"{stem}-error.{extension}" if dot else f"{file_name}-error.out"
    further = request.get("S3OutputPathExtension", "")
    found = {}
    for member, path, last in (
        ("OutputLocation", output.get("S3OutputPath"), file_name),
        ("FailureLocation", output.get("S3FailurePath"), failed),
    ):
        if path is not None:
            found[member] = "/".join([path.rstrip("/"), *filter(None, [further.strip("/"), last])])
    return found


def notice(
    invocation: Record, *, ended: float, reason: str | None, content_type: str, body: bytes | None
) -> tuple[str, str] | None:
    """(topic's ARN, text) of what is told at the end of an invocation; None where nobody wants to know.

    `reason` says why it failed, None that it did not. `body` is the answer, where it is small enough to go along.
    """
    spec = invocation.spec
    wanted = spec.get("NotificationConfig", {})
    failed = reason is not None
    topic = wanted.get("ErrorTopic" if failed else "SuccessTopic")
    if topic is None:
        return None
    told: dict[str, Any] = {
        "awsRegion": invocation.key.region,
        "eventTime": _stamp(ended),
        "receivedTime": _stamp(invocation.created),
        "invocationStatus": "Failed" if failed else "Completed",
    }
    if failed:
        told["failureReason"] = reason
    told["requestParameters"] = _without_gaps(
        contentType=spec.get("ContentType"),
        endpointName=invocation.key.parent,
        inputLocation=spec.get("InputLocation"),
    )
    where = spec.get("FailureLocation" if failed else "OutputLocation")
    told["responseParameters"] = _without_gaps(contentType=content_type or None, outputLocation=where)
    including = "ERROR_NOTIFICATION_TOPIC" if failed else "SUCCESS_NOTIFICATION_TOPIC"
    if including in wanted.get("IncludeInferenceResponseIn", ()) and body is not None:
        told["responseBody"] = {"content": b64encode(body).decode(), "encoding": "BASE64"}
    told |= {
        "inferenceId": spec["InferenceId"],
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    return topic, orjson.dumps(told).decode()


def _without_gaps(**members: str | None) -> dict[str, str]:
    return {member: value for member, value in members.items() if value is not None}


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
