"""Other model servers with the endpoint's model, without authentication, set up as their makers advise for speed.

Each has a Python environment of its own. What their guides leave open (processes, batches) was tried on two cores; what
was fastest at 32 connections is here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from bench import endpoints, load, peers
from bench.base import ROOT, Run

_APPS: Final = ROOT / "bench" / "apps"
_CORES: Final = str(os.cpu_count() or 1)


@dataclass(frozen=True)
class Rival:
    """A server to start, and what to send it."""

    peer: peers.Peer
    requests: Sequence[load.HttpRequest]
    restless: bool = False
    """Whether it works while nobody asks, which the others would feel: it is held still until its turn."""


def litserve(run: Run, model: endpoints.Model) -> Rival:
    """Its guide to speed: a fast queue, several API servers. A second worker or batches bring a quick model nothing."""
    command = [_python(run, "litserve"), str(_APPS / "linear_litserve.py"), "{port}", _CORES]
    return _rival(run, "litserve", model, command, "/predict", lambda row: row, ping="/health")


def bentoml(run: Run, model: endpoints.Model) -> Rival:
    """A worker for each core. Its adaptive batches refuse requests at 32 connections here ("process is overloaded")."""
    command = [_program(run, "bentoml", "bentoml"), "serve", "--quiet", "--host", "127.0.0.1", "--port", "{port}"]
    command += ["--working-dir", str(_APPS), "linear_bentoml:Linear"]
    quiet = {"BENTOML_DO_NOT_TRACK": "True"}
    return _rival(run, "bentoml", model, command, "/predict", lambda row: b'{"rows": %s}' % row, quiet, ping="/livez")


def mlserver(run: Run, model: endpoints.Model) -> Rival:
    """Predictions in the server's process: handing a model as quick as this to workers halves what it answers."""
    folder = _folder(run, "mlserver")
    artifact = {"uri": str(model.folder / "model.joblib")}
    _write(
        folder / "model-settings.json", name="m", implementation="mlserver_sklearn.SKLearnModel", parameters=artifact
    )
    _write(
        folder / "settings.json",
        debug=False, host="127.0.0.1", parallel_workers=0, metrics_endpoint=None,
        grpc_port=peers.free_port(), metrics_port=peers.free_port(),
    )  # fmt: skip
    command = [_program(run, "mlserver", "mlserver"), "start", str(folder)]
    port = {"MLSERVER_HTTP_PORT": "{port}"}
    return _rival(
        run, "mlserver", model, command, "/v2/models/m/infer", _inference_protocol, port, ping="/v2/health/live"
    )


def ray_serve(run: Run, model: endpoints.Model) -> Rival:
    """A replica for each core behind its HAProxy, "optimized for throughput": ten times what it answers without."""
    folder = run.short_folder()
    variables = {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_LOG_TO_STDERR": "0",
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "s"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "haproxy.state"),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(peers.free_port()),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(peers.free_port()),
        "RAY_USAGE_STATS_ENABLED": "0",
        "BENCH_RAY": str(folder),
    }
    command = [_python(run, "ray"), str(_APPS / "linear_ray.py"), "{port}", _CORES]
    return _rival(run, "ray", model, command, "/", lambda row: row, variables, ping="/-/healthz", restless=True)


def mlflow(run: Run, model: endpoints.Model) -> Rival:
    """Its scoring server, `mlflow models serve`. A second worker answers less."""
    environment = peers.environment(run, "mlflow-serving")
    saved = run.folder / "pyfunc"
    if not saved.exists():
        peers.output(
            [str(environment / "bin" / "python"), str(_APPS / "linear_mlflow.py"), str(model.folder), str(saved)]
        )
    command = [str(environment / "bin" / "mlflow"), "models", "serve", "--env-manager", "local", "--workers", "1"]
    command += ["--model-uri", str(saved), "--host", "127.0.0.1", "--port", "{port}"]
    path = {"PATH": f"{environment / 'bin'}:{os.environ['PATH']}"}
    return _rival(
        run, "mlflow", model, command, "/invocations", lambda row: b'{"inputs": %s}' % row, path, ping="/ping"
    )


def sagemaker_container(run: Run, model: endpoints.Model) -> Rival:
    """The server of SageMaker's own scikit-learn image, gunicorn with gevent, a worker for each core as it does by
    itself; without the nginx that the image puts in front, which costs it a third."""
    environment = peers.environment(run, "sagemaker-containers")
    variables = {
        "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(_APPS),
        "SAGEMAKER_BASE_DIR": str(model.folder.parent),
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": str(model.folder / "code"),
        "SAGEMAKER_BIND_TO_PORT": "{port}",
        "SAGEMAKER_USE_NGINX": "false",
    }
    command = [str(environment / "bin" / "python"), str(_APPS / "linear_sagemaker.py")]
    return _rival(run, "sagemaker", model, command, "/invocations", lambda row: row, variables, ping="/ping")


RIVALS: Final[Mapping[str, Callable[[Run, endpoints.Model], Rival]]] = {
    # Add a model server here; each raises Missing where its environment cannot be made.
    "LitServe": litserve,
    "BentoML": bentoml,
    "MLServer": mlserver,
    "Ray Serve": ray_serve,
    "MLflow": mlflow,
    "SageMaker's": sagemaker_container,
}


@contextmanager
def moving(process: psutil.Process | None) -> Iterator[None]:
    """Let a restless server and its children run, and hold them still again afterwards; None: nobody is held."""
    if process is None:
        yield
        return
    release(process)
    try:
        yield
    finally:
        hold(process)


def hold(process: psutil.Process) -> None:
    """Stop a server and its children where they are, without ending them."""
    _each(process, psutil.Process.suspend)


def release(process: psutil.Process) -> None:
    """Let it go on: also before it is ended, which what is held would not notice."""
    _each(process, psutil.Process.resume)


def _each(process: psutil.Process, act: Callable[[psutil.Process], None]) -> None:
    for each in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            act(each)


def _rival(
    run: Run,
    name: str,
    model: endpoints.Model,
    command: Sequence[str],
    path: str,
    body: Callable[[bytes], bytes],
    variables: Mapping[str, str] | None = None,
    *,
    ping: str,
    restless: bool = False,
) -> Rival:
    """`{port}` in the command and the variables is its own; what it keeps at home stays in the run's folder."""
    port = peers.free_port()
    folder = _folder(run, name)
    told = {"HOME": str(folder), "BENCH_MODEL": str(model.folder), **(variables or {})}
    peer = peers.Peer(
        [word.replace("{port}", str(port)) for word in command],
        port,
        ping,
        {key: value.replace("{port}", str(port)) for key, value in told.items()},
        folder,
    )
    return Rival(peer, [load.post(path, body(row)) for row in endpoints.rows()], restless)


def _inference_protocol(row: bytes) -> bytes:
    """A request of the Open Inference Protocol."""
    (numbers,) = json.loads(row)
    tensor = {"name": "x", "shape": [1, len(numbers)], "datatype": "FP32", "data": numbers}
    return json.dumps({"inputs": [tensor]}).encode()


def _folder(run: Run, name: str) -> Path:
    folder = run.folder / name
    folder.mkdir(exist_ok=True)
    return folder


def _write(file: Path, **settings: object) -> None:
    file.write_text(json.dumps(settings))


def _python(run: Run, name: str) -> str:
    return str(peers.environment(run, name) / "bin" / "python")


def _program(run: Run, name: str, program: str) -> str:
    return str(peers.environment(run, name) / "bin" / program)
