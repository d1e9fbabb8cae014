"""InvokeEndpoint: a deployed scikit-learn model, signed requests, 1, 8 and 32 connections."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench import load, peers
from bench.base import OURS, ROOT, Figure, Run, Sample

TITLE = "InvokeEndpoint, LinearRegression, JSON of 13 numbers; SigV4 on ours only"

CONNECTIONS: Final = (1, 8, 32)
_BARE: Final = "bare model server"
_RAW: Final = "raw ASGI"
_CAPTURED: Final = "all captured"
_GOALS: Final = {("req/s", 32): 6000.0, ("p50", 1): 0.5}
_REQUESTS: Final = 64
_BUCKET: Final = "bench"
_CAPTURE: Final = {
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": f"s3://{_BUCKET}/captured",
    "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
    "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
}

_TRAIN: Final = """
import sys, csv, joblib, numpy as np
from sklearn.linear_model import LinearRegression
rows = np.array([row for row in csv.reader(open(sys.argv[1]))], np.float64)
joblib.dump(LinearRegression().fit(rows[:, :-1], rows[:, -1]), sys.argv[2])
"""
_INFERENCE: Final = """
import os, joblib

def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))
"""


def measure(run: Run) -> Sequence[Figure]:
    """Ours with every signature verified, without and with data capture; the same model server, and a hand-written
    application, asked directly."""
    figures = [
        Figure(_what(kind, count), unit, more=kind == "req/s", goal=_GOALS.get((kind, count)))
        for count in CONNECTIONS
        for kind, unit in (("req/s", "/s"), ("p50", "ms"), ("p99", "ms"))
    ]
    python = peers.runtime(run, "scikit-learn") / "bin" / "python"
    model = run.folder / "ml" / "model"
    _train(python, model)
    log = run.folder / "log"
    with ExitStack() as stack:
        data = run.folder / "data"
        own = peers.ours(data)
        stack.enter_context(peers.serving(own, log))
        signed = _deploy(run, own, data, model, "linear")
        captured = _deploy(run, own, data, model, "captured", DataCaptureConfig=_CAPTURE)
        bare = _model_server(python, model)
        stack.enter_context(peers.serving(bare, log))
        raw = peers.asgi(python, "linear", {"BENCH_MODEL": str(model)})
        stack.enter_context(peers.serving(raw, log))
        unsigned = [load.post("/invocations", row) for row in _rows()]
        subjects = {
            OURS: (own, signed),
            _CAPTURED: (own, captured),
            _BARE: (bare, unsigned),
            _RAW: (raw, unsigned),
        }
        for name, (peer, requests) in subjects.items():
            run.say(f"checking {name}")
            _check(peer, requests)
        samples = {name: _sampler(run, peer, requests) for name, (peer, requests) in subjects.items()}
        run.alternate("invoke", figures, samples)
    if not load.has_wrk():
        run.note("wrk is not installed (`apt install wrk`): a client in Python made the load, and its own limit shows.")
    run.note(f"{_REQUESTS} different requests, signed before; client and servers share the cores.")
    return figures


def _what(kind: str, connections: int) -> str:
    return f"{connections} connection{'s' if connections > 1 else ''}, {kind}"


def _sampler(run: Run, peer: peers.Peer, requests: Sequence[load.HttpRequest]) -> Sample:
    def sample() -> Mapping[str, float]:
        values = {}
        for count in CONNECTIONS:
            result = load.drive(run.folder, peer.port, requests, connections=count, seconds=run.amount(2, 1))
            values[_what("req/s", count)] = result.per_second
            values[_what("p50", count)] = result.p50_ms
            values[_what("p99", count)] = result.p99_ms
        return values

    return sample


def _rows() -> Sequence[bytes]:
    lines = (ROOT / "examples" / "housing.csv").read_text().splitlines()[:_REQUESTS]
    return [json.dumps([[float(cell) for cell in line.split(",")[:-1]]]).encode() for line in lines]


def _train(python: Path, model: Path) -> None:
    (model / "code").mkdir(parents=True)
    (model / "code" / "inference.py").write_text(_INFERENCE)
    command = [str(python), "-c", _TRAIN, str(ROOT / "examples" / "housing.csv"), str(model / "model.joblib")]
    subprocess.run(command, check=True)


def _model_server(python: Path, model: Path) -> peers.Peer:
    """What ours runs behind an endpoint, listening on TCP and asked without a signature."""
    port = peers.free_port()
    environment = {
        "SAGEMAKER_BASE_DIR": str(model.parent),
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "PYTHONPATH": str(ROOT / "src"),
    }
    command = [str(python), "-m", "sagewright_container.main", "serve", "scikit-learn"]
    return peers.Peer(command, port, "/ping", environment)


def _deploy(
    run: Run, peer: peers.Peer, data: Path, model: Path, name: str, **config: Any
) -> Sequence[load.HttpRequest]:
    """An endpoint in service, and requests to it as boto3 signs them."""
    keys = peers.our_keys(peer, data)
    s3, sagemaker = peers.client("s3", peer, keys), peers.client("sagemaker", peer, keys)
    s3.create_bucket(Bucket=_BUCKET)
    s3.put_object(Bucket=_BUCKET, Key="model.tar.gz", Body=_packed(model))
    variables = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    container = {"Image": peers.IMAGE, "ModelDataUrl": f"s3://{_BUCKET}/model.tar.gz", "Environment": variables}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=peers.role_arn(peer))
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[{**variant, "InitialInstanceCount": 1}], **config
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    run.say("waiting for the endpoint")
    _wait(sagemaker, name)
    runtime = peers.client("sagemaker-runtime", peer, keys)
    caught: list[load.HttpRequest] = []

    def catch(request: Any, **_: Any) -> None:
        caught.append(load.caught(request))

    runtime.meta.events.register("before-send.sagemaker-runtime.InvokeEndpoint", catch)
    for row in _rows():
        runtime.invoke_endpoint(EndpointName=name, ContentType="application/json", Accept="application/json", Body=row)
    return caught


def _wait(sagemaker: Any, name: str) -> None:
    end = time.monotonic() + 120
    while (endpoint := sagemaker.describe_endpoint(EndpointName=name))["EndpointStatus"] == "Creating":
        if time.monotonic() > end:
            break
        time.sleep(0.1)
    if endpoint["EndpointStatus"] != "InService":
        raise RuntimeError(f"The endpoint is {endpoint['EndpointStatus']}: {endpoint.get('FailureReason')}")


def _packed(model: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(model, ".")
    return buffer.getvalue()


def _check(peer: peers.Peer, requests: Sequence[load.HttpRequest]) -> None:
    """Every subject must answer what it is going to be measured with."""
    status, body = load.once(peer.port, requests[0])
    if status != 200 or not 5 < json.loads(body)[0] < 60:
        raise RuntimeError(f"{peer.command[0]} answered {status}: {body[:300]!r}")
