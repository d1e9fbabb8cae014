"""A serverless endpoint that nobody has asked for a while: from InvokeEndpoint to its answer."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final

import psutil

from bench import endpoints, load, peers, rivals
from bench.base import OURS, Figure, Missing, Run, Sample

TITLE = "a scikit-learn model that is not loaded, until its first answer; its Python environment there already"

_BARE: Final = "import alone"
_COLD: Final = "nothing standing by"
_IDLE_S: Final = "0.5"
_SERVERLESS: Final = {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
_PROCESSES: Final = {"LitServe": rivals.litserve, "MLflow": rivals.mlflow}


def measure(run: Run) -> Sequence[Figure]:
    """Ours through boto3, as it is by default and without a process that stands by; the import of scikit-learn, and
    the start of other model servers' processes."""
    first = Figure("until the first answer", "s", more=False, goal=1.0)
    model = endpoints.trained(run)
    imports = [str(model.python), "-c", "import sklearn.linear_model"]
    with ExitStack() as stack:
        subjects: dict[str, Sample] = {
            OURS: _ours(run, stack, model, first, "default"),
            _COLD: _ours(run, stack, model, first, "cold", "--no-serverless-standby"),
            _BARE: lambda: _timed(imports, first),
        }
        for name, make in _PROCESSES.items():
            try:
                subjects[name] = _started(run, make(run, model), first)
            except Missing as missing:
                run.note(str(missing))
        run.alternate("serverless", [first], subjects)
    run.note("the processes of the others start; nothing sends them requests before.")
    return [first]


def _ours(run: Run, stack: ExitStack, model: endpoints.Model, first: Figure, name: str, *options: str) -> Sample:
    data = run.folder / name
    peer = peers.ours(data, "--serverless-idle", _IDLE_S, *options)
    server = stack.enter_context(peers.serving(peer, run.folder / "log"))
    account = endpoints.Account(run, peer, data, model)
    account.deploy("linear", variant=_SERVERLESS)
    runtime = account.client("sagemaker-runtime")
    request: dict[str, Any] = {"EndpointName": "linear", "ContentType": "application/json", "Body": endpoints.rows()[0]}
    last = _answering(server)

    def sample() -> Mapping[str, float]:
        nonlocal last
        run.say(f"serverless: waiting until {name} has no instance")
        endpoints.until(lambda: not any(each.is_running() for each in last), "the instance to end", every=0.2)
        time.sleep(run.amount(5, 3))  # whatever stands by instead has begun to by then
        begun = time.perf_counter()
        runtime.invoke_endpoint(**request)["Body"].read()
        took = time.perf_counter() - begun
        last = _answering(server)
        return {first.what: took}

    return sample


def _answering(server: psutil.Process) -> set[psutil.Process]:
    """The model servers of the endpoint."""
    found = server.children(recursive=True)
    return {each for each in found if "sagewright_container.main" in each.cmdline()}


def _timed(command: Sequence[str], first: Figure) -> Mapping[str, float]:
    begun = time.perf_counter()
    subprocess.run(command, check=True)
    return {first.what: time.perf_counter() - begun}


def _started(run: Run, rival: rivals.Rival, first: Figure) -> Sample:
    def sample() -> Mapping[str, float]:
        begun = time.perf_counter()
        with peers.started(rival.peer, run.folder / "log"):
            while not _answers(rival.peer.port, rival.requests[0]):
                time.sleep(0.005)
            took = time.perf_counter() - begun
        return {first.what: took}

    return sample


def _answers(port: int, request: load.HttpRequest) -> bool:
    try:
        return load.once(port, request)[0] == 200
    except OSError:
        return False
