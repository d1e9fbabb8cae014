"""A process that has imported a framework, and forks one process for each model.

A model's process shares the framework's memory with all others, and nothing else: its modules, its path and its
crashes are its own, and all its memory comes back when it ends.

Messages are JSON, one a packet; each names a model by the path of its socket, which no other ever has. To the nursery:
{"load": path, "url": folder}, {"end": path}. From it: {"refused": path, "reason"} where no process can be started, and
{"ended": path, "code"}. From a model's process: {"started": path, "pid"}, then {"loaded": path}, or {"failed": path,
"reason", "memory": whether it was for lack of it} before it ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from sagewright_container.contract import Contract
from sagewright_container.serving.base import Handler
from sagewright_container.serving.settings import Settings

Loader = Callable[[Contract], Handler]
PACKET = 65536
_REASON_CHARS = 4096

# What is imported once for all models of an image. Only what starts no threads and opens no device may be here.
_SERVING = (
    "sagewright_container.serving.content",
    "sagewright_container.serving.worker",
)
_SHARED = {
    "scikit-learn": ("joblib", "sklearn.ensemble", "sklearn.linear_model", "sklearn.pipeline"),
    "xgboost": ("scipy.sparse", "xgboost"),
    "pytorch": ("torch",),
    "hugging_face": ("torch", "transformers"),
    "tensorflow": ("tensorflow",),
    "autogluon": ("autogluon.tabular",),
    "mxnet": (),  # starts its engine's threads when it is imported
}


def start(loader: Loader, image: str, wanted: Settings) -> tuple[int, socket.socket]:
    """Fork the nursery; its process id, and our end of the channel to it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid:
        theirs.close()
        return pid, ours
    ours.close()
    try:
        _Nursery(loader, wanted, theirs).run(image)
    except BaseException:  # noqa: BLE001  the end of a process
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(1)


class _Nursery:
    def __init__(self, loader: Loader, wanted: Settings, channel: socket.socket) -> None:
        self._loader = loader
        self._wanted = wanted
        self._channel = channel
        self._models: dict[int, str] = {}
        """Process ids, and their sockets."""

    def run(self, image: str) -> None:
        """Until the channel is closed. Then all models end with it."""
        for module in (*_SERVING, *_SHARED.get(image, ())):
            with contextlib.suppress(ImportError):  # not in every version of an image; a model imports what it needs
                importlib.import_module(module)
        gc.freeze()  # a collection in a model's process would write to all that is shared, and so copy it
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # the channel says when it is time
        signal.signal(signal.SIGCHLD, self._reap)
        _tell(self._channel, {"ready": True})
        while packet := self._channel.recv(PACKET):
            message = json.loads(packet)
            if "load" in message:
                self._fork(message)
            for pid, path in list(self._models.items()):
                if path == message.get("end"):
                    os.kill(pid, signal.SIGKILL)
        for pid in self._models:
            os.kill(pid, signal.SIGKILL)

    def _fork(self, message: Mapping[str, str]) -> None:
        # A model that ends at once must not be told of before it is known.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        try:
            pid = os.fork()
        except OSError as error:  # as many processes as there may be
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
            _tell(self._channel, {"refused": message["load"], "reason": str(error)})
            return
        if pid == 0:
            os._exit(_Model(self._loader, self._wanted, self._channel, message["load"]).run(message["url"]))
        self._models[pid] = message["load"]
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])

    def _reap(self, _number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(ChildProcessError):  # no more of them
            while True:
                # Another signal may come in between, and its handler take some of these.
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                if (path := self._models.pop(pid, None)) is not None:
                    _tell(self._channel, {"ended": path, "code": os.waitstatus_to_exitcode(status)})


class _Model:
    """What a model's own process does."""

    def __init__(self, loader: Loader, wanted: Settings, channel: socket.socket, path: str) -> None:
        self._loader = loader
        self._wanted = wanted
        self._channel = channel
        self._path = path

    def run(self, folder: str) -> int:
        """Load the model, say so, and serve it; the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        _tell(self._channel, {"started": self._path, "pid": os.getpid()})
        with contextlib.suppress(OSError, ValueError), open("/proc/self/oom_score_adj", "r+", encoding="ascii") as file:
            score = int(file.read()) + 300  # when memory runs out, a model ends rather than the server
            file.seek(0)
            file.write(str(min(score, 1000)))
        try:
            code = self._serve(folder)
        except Exception as error:  # noqa: BLE001  the border to users' code
            traceback.print_exc()
            reason = f"{type(error).__name__}: {error}"[:_REASON_CHARS]
            _tell(self._channel, {"failed": self._path, "reason": reason, "memory": isinstance(error, MemoryError)})
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        return code

    def _serve(self, folder: str) -> int:
        contract = Contract()
        contract.model_dir = folder
        os.environ["SM_MODEL_DIR"] = folder
        os.environ["SAGEWRIGHT_REQUIREMENTS_DONE"] = "1"  # as on AWS: the container's are there, a model's are not
        handler = self._loader(contract)
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(self._path)
            sock.listen(2048)
            worker = importlib.import_module("sagewright_container.serving.worker")
            _tell(self._channel, {"loaded": self._path})
            answer: int = worker.serve(
                worker.Predictor(handler, timeout_s=self._wanted.timeout_s),
                sock,
                None,
                max_body=self._wanted.max_body,
            )
            return answer


def _tell(channel: socket.socket, message: Mapping[str, Any]) -> None:
    channel.send(json.dumps(message).encode())
