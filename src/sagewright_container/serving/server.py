"""Load the model, then listen. `serve_…` are the `serve` entries of the images.

Where: SAGEWRIGHT_BIND_UDS (a Unix socket's path), else TCP port SAGEMAKER_BIND_TO_PORT, by default 8080.
SAGEMAKER_MODEL_SERVER_WORKERS processes (default 1) share the socket, each with the model of its own. The
socket does not listen before a model is loaded: a connection that is accepted means the model is in service.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from types import FrameType

import uvicorn

from sagewright_container.contract import Contract
from sagewright_container.serving import user_module
from sagewright_container.serving.app import App
from sagewright_container.serving.base import Handler
from sagewright_container.serving.standby import stand_by

Loader = Callable[[Contract], Handler]

_IDLE_S = 3600  # the platform keeps its connections; closing one while it is picked up again would lose a request
_GRACE_S = 30

_SCIKIT_LEARN = (
    *("sagewright_container.serving.scikit_learn", "joblib", "pandas", "sklearn.compose", "sklearn.ensemble"),
    *("sklearn.linear_model", "sklearn.pipeline", "sklearn.preprocessing"),
)
_XGBOOST = ("sagewright_container.serving.xgboost_framework", "sagewright_container.serving.xgboost_algorithm")


def serve_scikit_learn() -> int:
    """`serve` of the scikit-learn image: a user's script, which must load the model."""
    return serve(_scikit_learn, _SCIKIT_LEARN)


def serve_xgboost() -> int:
    """`serve` of the XGBoost image: a user's script where there is one, else the built-in algorithm's model."""
    return serve(_xgboost, _XGBOOST)


def serve_framework(name: str) -> int:
    """`serve` of an image whose defaults can load a model: `load(contract)` in the module of its name."""

    def load(contract: Contract) -> Handler:
        handler: Handler = importlib.import_module(f"sagewright_container.serving.{name}").load(contract)
        return handler

    return serve(load, [f"sagewright_container.serving.{name}"])


def serve(loader: Loader, modules: Sequence[str] = ()) -> int:
    """Serve what `loader` loads until SIGTERM; answer the exit code (1: the model could not be loaded).

    `modules` are those that its models need: they can be loaded ahead (`standby.py`).
    """
    contract = Contract()
    level = os.environ.get("SAGEMAKER_CONTAINER_LOG_LEVEL", "20")
    logging.basicConfig(level=int(level) if level.isdigit() else level.upper(), format=_LOG_FORMAT)
    os.environ.setdefault("SM_MODEL_DIR", contract.model_dir)
    sock = _bound_socket()
    workers = int(os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or 1)
    stand_by(modules if workers == 1 else ())
    if workers > 1:
        return serve_many(workers, lambda: _serve_one(contract, loader, sock))
    return _serve_one(contract, loader, sock)


_LOG_FORMAT = "%(asctime)s %(levelname)s - %(name)s - %(message)s"


def _scikit_learn(contract: Contract) -> Handler:
    path = user_module.find(contract, os.environ)
    if path is None:
        program = os.environ.get("SAGEMAKER_PROGRAM") or user_module.DEFAULT_PROGRAM
        raise NotImplementedError(
            "Please provide a model_fn implementation.\n"
            f"There is no {program} in {contract.model_dir}/code nor in {contract.code_dir}."
        )
    return user_module.handler(path, contract, _defaults("scikit_learn"))


def _xgboost(contract: Contract) -> Handler:
    path = user_module.find(contract, os.environ)
    if path is not None:
        return user_module.handler(path, contract, _defaults("xgboost_framework"))
    program = os.environ.get("SAGEMAKER_PROGRAM")
    if program:
        raise FileNotFoundError(f"There is no {program} in {contract.model_dir}/code nor in {contract.code_dir}.")
    importlib.import_module("sagewright_container.serving.xgboost_import").import_alone(contract.model_dir)
    algorithm = importlib.import_module("sagewright_container.serving.xgboost_algorithm")
    handler: Handler = algorithm.AlgorithmHandler(contract.model_dir, os.environ)
    return handler


def _defaults(module: str) -> user_module.Defaults:
    defaults: user_module.Defaults = importlib.import_module(f"sagewright_container.serving.{module}").DEFAULTS
    return defaults


def _bound_socket() -> socket.socket:
    """The bound socket, not listening yet. What an earlier server left at the path is removed."""
    path = os.environ.get("SAGEWRIGHT_BIND_UDS")
    if path:
        sock = socket.socket(socket.AF_UNIX)
        if os.path.exists(path):
            os.unlink(path)
        sock.bind(path)
        return sock
    sock = socket.socket(socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("0.0.0.0", int(os.environ.get("SAGEMAKER_BIND_TO_PORT") or 8080)))  # noqa: S104  the contract
    return sock


def _serve_one(contract: Contract, loader: Loader, sock: socket.socket) -> int:
    try:
        handler = loader(contract)
    except Exception:  # noqa: BLE001  the border to users' code: say what happened, and end
        traceback.print_exc()
        return 1
    config = uvicorn.Config(
        App(handler),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_GRACE_S,
        backlog=2048,
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    # uvicorn stops at a signal, then raises it again for whoever handled it before: that a stop is no failure.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    uvicorn.Server(config).run(sockets=[sock])
    return 0


def serve_many(workers: int, work: Callable[[], int]) -> int:
    """Fork before anything heavy is loaded: thread pools do not survive a fork. One that ends, ends all."""
    pids: set[int] = set()
    for _ in range(workers):
        pid = os.fork()
        if pid == 0:
            os._exit(_flushed(work()))
        pids.add(pid)

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.append(True)
        for pid in pids:
            os.kill(pid, signal.SIGTERM)

    stopping: list[bool] = []
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    ended, status = os.wait()
    pids.discard(ended)
    failed = not stopping  # nobody asked the first one to end, so its reason is ours
    for other in pids:
        os.kill(other, signal.SIGTERM)
    for other in list(pids):
        os.waitpid(other, 0)
        pids.discard(other)
    code = os.waitstatus_to_exitcode(status)
    return (code if code > 0 else 1) if failed else 0


def _flushed(code: int) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    return code
