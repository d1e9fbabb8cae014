"""Endpoints that measurements ask: the model, its deployment through boto3, and requests as boto3 signs them."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import load, peers
from bench.base import ROOT, Run

REQUESTS: Final = 64
VARIANT: Final = "AllTraffic"
BUCKET: Final = "bench"
_PATIENCE_S: Final = 120.0

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


@dataclass(frozen=True)
class Model:
    """A trained LinearRegression of 13 numbers: its folder, as a model's tarball holds it, and who can run it."""

    folder: Path
    python: Path


def trained(run: Run, script: str = _INFERENCE) -> Model:
    """The model, with `script` as its `inference.py`."""
    python = peers.runtime(run, "scikit-learn") / "bin" / "python"
    folder = run.folder / "ml" / "model"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "inference.py").write_text(script)
    command = [str(python), "-c", _TRAIN, str(ROOT / "examples" / "housing.csv"), str(folder / "model.joblib")]
    subprocess.run(command, check=True)
    return Model(folder, python)


def rows() -> Sequence[bytes]:
    """Bodies of requests, each a different row as JSON."""
    lines = (ROOT / "examples" / "housing.csv").read_text().splitlines()[:REQUESTS]
    return [json.dumps([[float(cell) for cell in line.split(",")[:-1]]]).encode() for line in lines]


def check(peer: peers.Peer, requests: Sequence[load.HttpRequest]) -> None:
    """Every subject must answer what it is going to be measured with. Raises RuntimeError."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            status, body = load.once(peer.port, requests[0])
        except OSError as error:
            status, body = 0, str(error).encode()
        if status == 200 and 5 < _first_number(json.loads(body)) < 60:
            return
        if time.monotonic() > end:
            raise RuntimeError(f"{peer.command[0]} answered {status}: {body[:300]!r}")
        time.sleep(0.1)


def _first_number(answer: Any) -> float:
    """The prediction, wherever a server puts it."""
    if isinstance(answer, Mapping):
        answer = answer.get("predictions") or answer["outputs"][0]["data"]
    return float(answer[0])


class Account:
    """Our server as one user sees it: clients, a bucket with the model, endpoints."""

    def __init__(self, run: Run, peer: peers.Peer, data: Path, model: Model) -> None:
        self._run, self._peer = run, peer
        self.keys = peers.our_keys(peer, data)
        self._role = peers.role_arn(peer)
        self.sagemaker = self.client("sagemaker")
        s3 = self.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=packed(model.folder))

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return peers.client(service, self._peer, self.keys)

    def model(self, name: str, **container: Any) -> None:
        """CreateModel of the model in the bucket."""
        variables = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
        primary = {"Image": peers.IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz", "Environment": variables}
        self.sagemaker.create_model(
            ModelName=name, PrimaryContainer={**primary, **container}, ExecutionRoleArn=self._role
        )

    def endpoint(self, name: str, *, model: str, variant: Mapping[str, Any] | None = None, **config: Any) -> None:
        """Create an endpoint of one variant; `variant` replaces its instance, `config` goes into the configuration."""
        settings = variant or {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        variants = [{"VariantName": VARIANT, "ModelName": model, **settings}]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **config)
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def deploy(self, name: str, **config: Any) -> None:
        """Model, configuration and endpoint of one name, in service."""
        self.model(name)
        self.endpoint(name, model=name, **config)
        self.wait(name)

    def wait(self, name: str) -> None:
        """Until the endpoint is in service. Raises RuntimeError when it fails."""
        self._run.say(f"waiting for endpoint {name}")
        found: dict[str, Any] = {}

        def settled() -> bool:
            found.update(self.sagemaker.describe_endpoint(EndpointName=name))
            return found["EndpointStatus"] not in ("Creating", "Updating")

        until(settled, f"endpoint {name} to settle")
        if found["EndpointStatus"] != "InService":
            raise RuntimeError(f"The endpoint is {found['EndpointStatus']}: {found.get('FailureReason')}")

    def signed(self, name: str, models: Sequence[str] = ()) -> Sequence[load.HttpRequest]:
        """Requests to an endpoint as boto3 signs them, one for each row or each model; each is also sent, once."""
        runtime = self.client("sagemaker-runtime")
        caught: list[load.HttpRequest] = []

        def catch(request: Any, **_: Any) -> None:
            caught.append(load.caught(request))

        runtime.meta.events.register("before-send.sagemaker-runtime.InvokeEndpoint", catch)
        asked = {"EndpointName": name, "ContentType": "application/json", "Accept": "application/json"}
        if models:
            for model in models:
                runtime.invoke_endpoint(**asked, Body=rows()[0], TargetModel=model)
        else:
            for row in rows():
                runtime.invoke_endpoint(**asked, Body=row)
        return caught


def until(true: Callable[[], bool], what: str, patience: float = _PATIENCE_S, every: float = 0.05) -> None:
    """Look again and again. Raises RuntimeError when `patience` seconds were not enough."""
    end = time.monotonic() + patience
    while not true():
        if time.monotonic() > end:
            raise RuntimeError(f"Waited {patience:.0f} s for {what}.")
        time.sleep(every)


def packed(folder: Path) -> bytes:
    """A model's tarball."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(folder, ".")
    return buffer.getvalue()
