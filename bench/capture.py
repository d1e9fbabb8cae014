"""Data capture at 100 %, both sides, on one of two endpoints that are else alike."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Final

from bench import endpoints, invoke, peers
from bench.base import OURS, Figure, Run

TITLE = "InvokeEndpoint with all invocations captured"

_WITHOUT: Final = "without capture"
_CAPTURE: Final = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": f"s3://{endpoints.BUCKET}/captured",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
}


def measure(run: Run) -> Sequence[Figure]:
    """Both endpoints are of one server, which writes the captures to its S3 meanwhile."""
    figures = [
        Figure(invoke.what("req/s", 8), "/s", goal=0.95, share_of=_WITHOUT),
        Figure(invoke.what("req/s", 32), "/s", goal=0.95, share_of=_WITHOUT),
        Figure(invoke.what("p99", 32), "ms", more=False),
        Figure(invoke.what("CPU a request", 32), "us", more=False),
    ]
    model = endpoints.trained(run)
    with ExitStack() as stack:
        data = run.folder / "data"
        peer = peers.ours(data)
        process = stack.enter_context(peers.serving(peer, run.folder / "log"))
        account = endpoints.Account(run, peer, data, model)
        account.deploy("captured", DataCaptureConfig=_CAPTURE)
        account.deploy("plain")
        subjects = {
            OURS: invoke.driven(run, peer, process, partial(account.signed, "captured")),
            _WITHOUT: invoke.driven(run, peer, process, partial(account.signed, "plain")),
        }
        run.alternate("capture", figures, subjects)
        files = account.client("s3").list_objects_v2(Bucket=endpoints.BUCKET, Prefix="captured/")
    if not files["KeyCount"]:
        raise RuntimeError("Nothing was captured.")
    return figures
