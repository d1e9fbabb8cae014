"""Load the model, then listen. `serve_…` are the `serve` entries of the images.

Where: SAGEWRIGHT_BIND_UDS (a Unix socket's path), else TCP port SAGEMAKER_BIND_TO_PORT, by default 8080.
SAGEMAKER_MODEL_SERVER_WORKERS processes (default 1) share the socket, each with the model of its own. The
socket does not listen before a model is loaded: a connection that is accepted means the model is in service.
"""

from __future__ import annotations

import functools
import importlib
import logging
import os
import socket
import traceback
from collections.abc import Callable

from sagewright_container.contract import Contract
from sagewright_container.serving import user_module
from sagewright_container.serving.base import Handler
from sagewright_container.serving.settings import Settings, settings
from sagewright_container.serving.standby import stand_by
from sagewright_container.serving.workers import Beat, supervise

Loader = Callable[[Contract], Handler]


def serve_scikit_learn() -> int:
    """`serve` of the scikit-learn image: a user's script, which must load the model."""
    return serve(_scikit_learn, "scikit-learn")


def serve_xgboost() -> int:
    """`serve` of the XGBoost image: a user's script where there is one, else the built-in algorithm's model."""
    return serve(_xgboost, "xgboost")


def serve_framework(name: str) -> int:
    """`serve` of an image whose defaults can load a model: `load(contract)` in the module of its name."""

    def load(contract: Contract) -> Handler:
        handler: Handler = importlib.import_module(f"sagewright_container.serving.{name}").load(contract)
        return handler

    return serve(load, name)


def serve_algorithm(name: str) -> int:
    """`serve` of a built-in algorithm's image."""

    def load(contract: Contract) -> Handler:
        handler: Handler = importlib.import_module("sagewright_container.serving.algorithm").load(contract, name)
        return handler

    return serve(load, name)


def serve(loader: Loader, image: str) -> int:
    """Serve what `loader` loads until SIGTERM; answer the exit code (1: the model could not be loaded)."""
    contract = Contract()
    level = os.environ.get("SAGEMAKER_CONTAINER_LOG_LEVEL", "20")
    logging.basicConfig(level=int(level) if level.isdigit() else level.upper(), format=_LOG_FORMAT)
    wanted = settings(os.environ)
    sock = _bound_socket()
    if wanted.multi_model:
        serve_models = importlib.import_module("sagewright_container.serving.multi_model").serve
        answer: int = serve_models(loader, image, wanted, sock)
        return answer
    os.environ.setdefault("SM_MODEL_DIR", contract.model_dir)
    work = functools.partial(_work, loader, image, contract, wanted, sock)
    return supervise(wanted.workers, work, silence_s=wanted.timeout_s)


def _work(loader: Loader, image: str, contract: Contract, wanted: Settings, sock: socket.socket, beat: Beat) -> int:
    """What a worker does: load the model, and serve it."""
    if wanted.workers == 1:
        stand_by(image)
    try:
        handler = loader(contract)
    except Exception:  # noqa: BLE001  the border to users' code: say what happened, and end
        traceback.print_exc()
        return 1
    # Only now: what serves need not be there while a model is refused, and loads while the disk is busy.
    worker = importlib.import_module("sagewright_container.serving.worker")
    predictor = importlib.import_module("sagewright_container.serving.predictor").Predictor
    answer: int = worker.serve(predictor(handler, timeout_s=wanted.timeout_s), sock, beat, max_body=wanted.max_body)
    return answer


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
