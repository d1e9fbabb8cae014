"""The endpoint's prediction as a hand-written ASGI application. Argument: the port; BENCH_MODEL: the model's folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import joblib
import numpy as np
import orjson
import uvicorn

MODEL = joblib.load(os.path.join(os.environ["BENCH_MODEL"], "model.joblib"))


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Decode, predict, encode."""
    message = await receive()
    body = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    answer = b"" if scope["method"] == "GET" else orjson.dumps(
        MODEL.predict(np.array(orjson.loads(body), np.float32)).tolist()
    )  # fmt: skip
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(sys.argv[1]), loop="uvloop", http="httptools", ws="none", lifespan="off",
        access_log=False, log_level="warning", server_header=False, date_header=False,
    )  # fmt: skip
