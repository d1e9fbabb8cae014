"""Reads the request, gives a canned answer: the least that an HTTP server on uvicorn can do. Argument: the port."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

import uvicorn

ARN: Final = "arn:aws:sagemaker:us-east-1:123456789012:model/"
ROLE: Final = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"
IMAGE: Final = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
_MODEL: Final = {
    "ModelName": "m-0",
    "ModelArn": f"{ARN}m-0",
    "ExecutionRoleArn": ROLE,
    "CreationTime": 1700000000.0,
    "PrimaryContainer": {
        "Image": IMAGE,
        "ModelDataUrl": "s3://models/m/model.tar.gz",
        "Environment": {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
    },
}
_SUMMARY: Final = {key: _MODEL[key] for key in ("ModelName", "ModelArn", "CreationTime")}
_ANSWERS: Final = {
    b"SageMaker.CreateModel": json.dumps({"ModelArn": f"{ARN}m-0"}).encode(),
    b"SageMaker.DescribeModel": json.dumps(_MODEL).encode(),
    b"SageMaker.ListModels": json.dumps({"Models": [_SUMMARY] * 10, "NextToken": "bmV4dA=="}).encode(),
}
_UPLOAD: Final = b"<r><Bucket>b</Bucket><Key>k</Key><UploadId>u</UploadId><ETag>e</ETag></r>"
_PIECE: Final = bytes(1 << 20)
_ETAG: Final = (b"etag", b'"d41d8cd98f00b204e9800998ecf8427e"')

Send = Callable[[dict[str, Any]], Awaitable[None]]


async def app(scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send) -> None:
    """ASGI: JSON by target; S3 objects named `…-<bytes>`, whatever was put."""
    while (await receive()).get("more_body"):
        pass
    headers = dict(scope["headers"])
    if target := headers.get(b"x-amz-target"):
        await _whole(send, _ANSWERS[target], b"application/x-amz-json-1.1")
    elif scope["method"] == "POST" and b"upload" in scope["query_string"]:
        await _whole(send, _UPLOAD, b"application/xml")
    elif scope["method"] in ("GET", "HEAD") and (size := re.search(r"-(\d+)$", scope["path"])):
        await _object(send, int(size[1]), headers.get(b"range", b"").decode(), scope["method"] == "HEAD")
    else:
        await _whole(send, b"", b"application/xml")


async def _whole(send: Send, body: bytes, kind: bytes) -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), _ETAG]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _object(send: Send, size: int, wanted: str, head: bool) -> None:
    first, last = 0, size - 1
    if part := re.fullmatch(r"bytes=(\d+)-(\d*)", wanted):
        first, last = int(part[1]), min(last, int(part[2] or last))
    left = last - first + 1
    headers = [
        (b"content-type", b"binary/octet-stream"),
        (b"content-length", b"%d" % left),
        (b"last-modified", b"Tue, 14 Nov 2023 22:13:20 GMT"),
        _ETAG,
    ]
    if part:
        headers.append((b"content-range", b"bytes %d-%d/%d" % (first, last, size)))
    await send({"type": "http.response.start", "status": 206 if part else 200, "headers": headers})
    while left > 0 and not head:
        piece = _PIECE[:left]
        left -= len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
    if head:
        await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(sys.argv[1]), loop="uvloop", http="httptools", ws="none", lifespan="off",
        access_log=False, log_level="warning", server_header=False,
    )  # fmt: skip
