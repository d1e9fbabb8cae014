"""InvokeEndpoint on a server with many endpoints, and on an endpoint with many models; the reference has one."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final

from bench import endpoints, load, peers
from bench.base import OURS, Figure, Run, Sample

TITLE = "InvokeEndpoint, one connection, with many endpoints and with many models; the reference has one"

_ONE: Final = "with 1"
_GOAL: Final = 1.5
"""As much longer it may take where there are many."""


def measure(run: Run) -> Sequence[Figure]:
    """200 endpoints (50 with --quick), of which one has an instance; 1,000 models (30) of one endpoint, all loaded."""
    records, models = int(run.amount(200, 50)), int(run.amount(1_000, 30))
    by_records = Figure(f"p50, {records} endpoints", "ms", more=False, goal=_GOAL, share_of=_ONE)
    by_models = Figure(f"p50, {models:,} models in turn", "ms", more=False, goal=_GOAL, share_of=_ONE)
    first = Figure("the first answer of a model", "ms", more=False)
    model = endpoints.trained(run)
    with ExitStack() as stack:
        many = _account(run, stack, model, "many")
        for count in range(1, records):
            _without_instance(many[1], f"failed-{count}")
        one = _account(run, stack, model, "one")
        run.alternate(
            "endpoints", [by_records], {OURS: _asked(run, *many, by_records), _ONE: _asked(run, *one, by_records)}
        )
    with ExitStack() as stack:
        peer, account = _account(run, stack, model, "models")
        data = endpoints.packed(model.folder)
        s3 = account.client("s3")
        for count in range(models):
            s3.put_object(Bucket=endpoints.BUCKET, Key=f"some/{count}.tar.gz", Body=data)
        _multi_model(account, "several")
        _multi_model(account, "single")
        first.samples[OURS] = _loaded(run, account, models)
        targets = [f"{count}.tar.gz" for count in range(models)]
        subjects = {
            OURS: _asked(run, peer, account, by_models, "several", targets),
            _ONE: _asked(run, peer, account, by_models, "single", targets[:1]),
        }
        run.alternate("models", [by_models], subjects)
    run.note("all endpoints but one have failed: they are records and routes without instances.")
    return [by_records, by_models, first]


def _account(run: Run, stack: ExitStack, model: endpoints.Model, name: str) -> tuple[peers.Peer, endpoints.Account]:
    """A server of its own, with an endpoint `linear`."""
    data = run.folder / name
    peer = peers.ours(data)
    stack.enter_context(peers.serving(peer, run.folder / "log"))
    account = endpoints.Account(run, peer, data, model)
    account.deploy("linear")
    return peer, account


def _without_instance(account: endpoints.Account, name: str) -> None:
    account.model(name, ModelDataUrl=f"s3://{endpoints.BUCKET}/nothing.tar.gz")
    account.endpoint(name, model=name)


def _multi_model(account: endpoints.Account, name: str) -> None:
    account.model(name, Mode="MultiModel", ModelDataUrl=f"s3://{endpoints.BUCKET}/some/")
    # An instance with the memory for all of them.
    account.endpoint(name, model=name, variant={"InstanceType": "ml.m5.12xlarge", "InitialInstanceCount": 1})
    account.wait(name)


def _loaded(run: Run, account: endpoints.Account, models: int) -> list[float]:
    """Ask each model once; milliseconds of each."""
    runtime = account.client("sagemaker-runtime")
    request: dict[str, Any] = {
        "EndpointName": "several",
        "ContentType": "application/json",
        "Body": endpoints.rows()[0],
    }
    took = []
    for count in range(models):
        run.say(f"loading model {count + 1:,} of {models:,}")
        begun = time.perf_counter()
        runtime.invoke_endpoint(**request, TargetModel=f"{count}.tar.gz")["Body"].read()
        took.append((time.perf_counter() - begun) * 1e3)
    return took


def _asked(
    run: Run,
    peer: peers.Peer,
    account: endpoints.Account,
    figure: Figure,
    endpoint: str = "linear",
    models: Sequence[str] = (),
) -> Sample:
    """One connection; each model in turn, if there are models."""

    def sample() -> Mapping[str, float]:
        ready = account.signed(endpoint, models)
        result = load.drive(run.folder, peer.port, ready, connections=1, seconds=run.amount(3, 1))
        return {figure.what: result.p50_ms}

    return sample
