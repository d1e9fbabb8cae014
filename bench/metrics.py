"""Metrics of every step: BatchPutMetrics beside MLflow's log-batch, ten points a request and as many as each takes."""

from __future__ import annotations

import http.client
import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from bench import load, peers
from bench.base import OURS, Figure, Missing, Run, Sample, rate

TITLE = "metrics of training, point by point; on disk before the answer"

_MLFLOW: Final = "mlflow server"
_THOUSAND: Final = "…, 1,000 a request"
_BATCH: Final = 10
"""The most that BatchPutMetrics takes."""
_LARGEST: Final = 1_000
"""The most that log-batch takes."""
_LOG: Final = "/api/2.0/mlflow/runs/log-batch"
_HISTORY: Final = 10_000
_CONNECTIONS: Final = 8
_GOAL: Final = 10_000.0
_SIGNED: Final = 64
_ASSUMED: Final = 3_000
"""Requests a second that nobody here answers: as many are made beforehand."""


def measure(run: Run) -> Sequence[Figure]:
    """Ours verifies every signature; MLflow is asked by a bare HTTP client, which costs less than its own."""
    one = Figure("one client, points", "/s")
    many = Figure(f"{_CONNECTIONS} connections, points", "/s", goal=_GOAL)
    read = Figure(f"a metric's {_HISTORY:,} points, read", "s", more=False)
    seconds = run.amount(2.0, 1.0)
    with ExitStack() as stack:
        log = run.folder / "log"
        subjects = {OURS: _ours(run, stack, log, (one, many, read), seconds)}
        try:
            mlflow = _MlflowRun(run, stack, log)
            subjects[_MLFLOW] = mlflow.sample((one, many, read), _BATCH, seconds)
            subjects[_THOUSAND] = mlflow.sample((one, many), _LARGEST, seconds)
        except Missing as missing:
            run.note(str(missing))
        run.alternate("metrics", [one, many, read], subjects)
    if not load.has_wrk():
        run.note("wrk is not installed (`apt install wrk`): a client in Python made the load, and its own limit shows.")
    run.note(f"{_BATCH} points a request, which is all that BatchPutMetrics takes, but in the last column.")
    return [one, many, read]


def _ours(run: Run, stack: ExitStack, log: Path, figures: Sequence[Figure], seconds: float) -> Sample:
    one, many, read = figures
    data = run.folder / "data"
    peer = peers.ours(data)
    stack.enter_context(peers.serving(peer, log))
    keys = peers.our_keys(peer, data)
    sagemaker, metrics = peers.client("sagemaker", peer, keys), peers.client("sagemaker-metrics", peer, keys)
    arns = {
        name: sagemaker.create_trial_component(TrialComponentName=name)["TrialComponentArn"]
        for name in ("one", "many", "history")
    }
    steps = itertools.count()

    def put(name: str) -> None:
        points = [
            {"MetricName": "loss", "Timestamp": time.time(), "Step": next(steps), "Value": 0.5} for _ in range(_BATCH)
        ]
        metrics.batch_put_metrics(TrialComponentName=name, MetricData=points)

    signed: list[load.HttpRequest] = []
    event = "before-send.sagemaker-metrics.BatchPutMetrics"
    catch: Callable[..., None] = lambda request, **_: signed.append(load.caught(request))  # noqa: E731 - one value
    metrics.meta.events.register(event, catch)
    for _ in range(_SIGNED):
        put("many")
    metrics.meta.events.unregister(event, catch)
    run.say("sagewright: a history")
    for _ in range(_HISTORY // _BATCH):
        put("history")
    query = {
        "MetricName": "loss",
        "ResourceArn": arns["history"],
        "MetricStat": "Last",
        "Period": "IterationNumber",
        "XAxisType": "IterationNumber",
    }

    def history() -> None:
        (result,) = metrics.batch_get_metrics(MetricQueries=[query])["MetricQueryResults"]
        assert len(result["MetricValues"]) == _HISTORY, result

    def sample() -> Mapping[str, float]:
        driven = load.drive(run.folder, peer.port, signed, connections=_CONNECTIONS, seconds=seconds)
        return {
            one.what: rate(lambda: put("one"), seconds, every=_BATCH),
            many.what: driven.per_second * _BATCH,
            read.what: 1 / rate(history, seconds / 4),
        }

    return sample


class _MlflowRun:
    """MLflow's server as a user starts it, its records in SQLite, and runs to log to."""

    def __init__(self, run: Run, stack: ExitStack, log: Path) -> None:
        """Raises Missing where it cannot be installed."""
        self._run = run
        self._peer = _mlflow(run)
        stack.enter_context(peers.serving(self._peer, log))
        self._steps = itertools.count()
        self._experiment = self._ask("experiments/create", {"name": "bench"})["experiment_id"]
        self._history = self._new_run()
        run.say("mlflow: a history")
        for _ in range(_HISTORY // _LARGEST):
            self._ask("runs/log-batch", self._batch(self._history, _LARGEST))

    def sample(self, figures: Sequence[Figure], batch: int, seconds: float) -> Sample:
        """Points at once in each request: `batch`."""
        one, many, *read = figures

        def sample() -> Mapping[str, float]:
            name = self._new_run()
            count = round(_ASSUMED * seconds * _BATCH / batch)
            requests = [self._request(name, batch) for _ in range(count)]  # what came before is not counted again
            driven = load.drive(self._run.folder, self._peer.port, requests, connections=_CONNECTIONS, seconds=seconds)
            with _kept(self._peer.port) as ask:
                alone = rate(lambda: ask(self._batch(name, batch)), seconds, every=batch)
            values = {one.what: alone, many.what: driven.per_second * batch}
            return values | {figure.what: 1 / rate(self._read, seconds / 4) for figure in read}

        return sample

    def _new_run(self) -> str:
        made = self._ask("runs/create", {"experiment_id": self._experiment, "start_time": int(time.time() * 1000)})
        return str(made["run"]["info"]["run_id"])

    def _batch(self, name: str, size: int) -> dict[str, Any]:
        now = int(time.time() * 1000)
        points = [{"key": "loss", "value": 0.5, "timestamp": now, "step": next(self._steps)} for _ in range(size)]
        return {"run_id": name, "metrics": points}

    def _request(self, name: str, size: int) -> load.HttpRequest:
        return load.post(_LOG, json.dumps(self._batch(name, size)).encode())

    def _read(self) -> None:
        path = f"/api/2.0/mlflow/metrics/get-history?run_id={self._history}&metric_key=loss&max_results={_HISTORY}"
        status, body = load.once(self._peer.port, load.HttpRequest("GET", path, {}, b""))
        assert status == 200, body
        assert len(json.loads(body)["metrics"]) == _HISTORY

    def _ask(self, path: str, members: Mapping[str, Any]) -> Any:
        status, body = load.once(self._peer.port, load.post(f"/api/2.0/mlflow/{path}", json.dumps(members).encode()))
        if status != 200:
            raise RuntimeError(f"mlflow answered {status}: {body[:300]!r}")
        return json.loads(body)


@contextmanager
def _kept(port: int) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Logs batch after batch through one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(members: Mapping[str, Any]) -> None:
        body = json.dumps(members).encode()
        connection.request("POST", _LOG, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"mlflow answered {answer.status}: {said[:300]!r}")

    try:
        yield ask
    finally:
        connection.close()


def _mlflow(run: Run) -> peers.Peer:
    port = peers.free_port()
    folder = run.folder / "mlflow"
    folder.mkdir()
    command = [
        str(peers.environment(run, "mlflow") / "bin" / "mlflow"),
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--backend-store-uri",
        f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination",
        str(folder / "artifacts"),
    ]
    return peers.Peer(command, port, "/health", {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"})
