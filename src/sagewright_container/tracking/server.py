"""MLflow's own server on a Unix socket: `serve` of the image `mlflow`.

    SAGEWRIGHT_ARTIFACT_STORE       where artifacts go that no experiment says otherwise of: s3://bucket/prefix
    SAGEWRIGHT_MLFLOW_ASKED         the version that was asked for; '' for none
    SAGEWRIGHT_REGISTER_MODELS      `1`: MLflow's registered models are registered with SageMaker too
    SAGEWRIGHT_WORKERS              processes that share the socket, 1 by default

Runs, experiments and models are in `mlflow/mlflow.db` below the task's folder, which outlives the task.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import socket

from sagewright_container.contract import Contract
from sagewright_container.serving.workers import Beat, supervise

_SOCKET = "run/mlflow.sock"
_DATABASE = "mlflow/mlflow.db"
_APP = "mlflow.server.fastapi_app"
_GRACE_S = 10
_IDLE_S = 75
_LOG_FORMAT = "%(asctime)s %(levelname)s - %(name)s - %(message)s"


def serve() -> int:
    """Bring the database up to date, then serve until SIGTERM; answer the exit code."""
    base = Contract().base
    logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT)
    database = f"sqlite:///{os.path.join(base, _DATABASE)}"
    artifacts = os.environ["SAGEWRIGHT_ARTIFACT_STORE"]
    # As `mlflow server --backend-store-uri … --default-artifact-root … --no-serve-artifacts` hands them to its workers.
    os.environ["_MLFLOW_SERVER_FILE_STORE"] = os.environ["_MLFLOW_SERVER_REGISTRY_STORE"] = database
    os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = artifacts
    os.environ["_MLFLOW_SGI_NAME"] = "uvicorn"
    workers = int(os.environ.get("SAGEWRIGHT_WORKERS") or 1)
    # Once for all workers, who share what it makes: it takes seconds, opens nothing and starts no thread.
    importlib.import_module(_APP)
    prepared = _prepare if workers == 1 else _in_child
    prepared(database, os.path.join(base, _DATABASE), artifacts)
    sock = _bound_socket(os.path.join(base, _SOCKET))
    if workers > 1:
        return supervise(workers, lambda beat: _serve_one(sock, beat))
    return _serve_one(sock, lambda: None)


def _in_child(*arguments: str) -> None:
    """The database's connections would not survive a fork."""
    pid = os.fork()
    if pid == 0:
        _prepare(*arguments)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if status:
        raise SystemExit("The database could not be made.")


def _prepare(database: str, path: str, artifacts: str) -> None:
    version = importlib.import_module("mlflow.version").VERSION
    asked = os.environ.get("SAGEWRIGHT_MLFLOW_ASKED") or version
    said = f"MLflow {version} runs" + ("" if asked == version else f"; {asked} was asked for, whose clients it serves")
    print(f"sagewright: {said}.", flush=True)
    if os.path.exists(path):
        # Made by an earlier version, maybe.
        utilities = importlib.import_module("mlflow.store.db.utils")
        engine = utilities.create_sqlalchemy_engine_with_retry(database)
        utilities._upgrade_db(engine)
        engine.dispose()
    importlib.import_module("mlflow.server.handlers").initialize_backend_stores(database, database, artifacts)


def _bound_socket(path: str) -> socket.socket:
    """Bound, not listening yet: a connection that is accepted means that the server answers."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.exists(path):
        os.unlink(path)
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    return sock


def _serve_one(sock: socket.socket, beat: Beat) -> int:
    uvicorn = importlib.import_module("uvicorn")
    app = importlib.import_module(_APP).app
    if os.environ.get("SAGEWRIGHT_REGISTER_MODELS") == "1":
        importlib.import_module("sagewright_container.tracking.registering").Registrar().start()
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,  # the edge has one
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_GRACE_S,
    )
    # uvicorn stops at a signal, then raises it again for whoever handled it before: that a stop is no failure.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    beat()
    uvicorn.Server(config).run(sockets=[sock])
    return 0
