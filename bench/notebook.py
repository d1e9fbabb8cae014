"""From CreateNotebookInstance to a kernel that answered a cell, beside JupyterLab started by hand."""

from __future__ import annotations

import importlib.util
import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from bench import peers
from bench.base import OURS, ROOT, Figure, Run
from sagewright.compute.runtimes import Environments
from sagewright.compute.venvs import LOCKS

TITLE = "a notebook instance: from its creation to a kernel that answered a cell"

_KERNEL: Final = "conda_python3"
_BARE: Final = "jupyter lab"
_SERVER = "until JupyterLab answers"
_CELL = "until a kernel answered a cell"
_PATIENCE_S: Final = 300.0


def measure(run: Run) -> Sequence[Figure]:
    """Each time a new instance, and a new JupyterLab; both in the same environments, which are there already."""
    jupyter, kernel = _environments(run)
    client = _client()
    figures = [Figure(_SERVER, "s", more=False), Figure(_CELL, "s", more=False, goal=3.0)]
    log, data = run.folder / "log", run.short_folder() / "data"
    peer = peers.ours(data)
    with peers.serving(peer, log):
        sagemaker = peers.client("sagemaker", peer, peers.our_keys(peer, data))
        ours = _Instances(client, sagemaker, peers.role_arn(peer))
        subjects = {OURS: ours.sample, _BARE: _bare(client, run.folder / "bare", jupyter, kernel, log)}
        run.alternate("notebook", figures, subjects)
    return figures


def _environments(run: Run) -> tuple[Path, Path]:
    """JupyterLab's, and a kernel's."""
    distribution = peers.runtime(run, "sagemaker-distribution")
    layer = Environments(peers.RUNTIMES).layer(distribution, LOCKS / "layers" / "notebook.txt", run.say)
    return peers.runtime(run, "notebook"), layer


def _client() -> ModuleType:
    """The tests' own part towards JupyterLab: its API and a kernel's channel."""
    spec = importlib.util.spec_from_file_location("jupyter", ROOT / "tests" / "clients" / "jupyter.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _Instances:
    """New instances of our server."""

    def __init__(self, client: ModuleType, sagemaker: Any, role: str) -> None:
        self._client, self._sagemaker, self._role = client, sagemaker, role
        self._names = (f"bench-{number}" for number in itertools.count())

    def sample(self) -> Mapping[str, float]:
        sagemaker, name = self._sagemaker, next(self._names)
        begun = time.perf_counter()
        sagemaker.create_notebook_instance(NotebookInstanceName=name, InstanceType="ml.t3.medium", RoleArn=self._role)
        self._settle(name, "InService")
        serves = time.perf_counter() - begun
        url = sagemaker.create_presigned_notebook_instance_url(NotebookInstanceName=name)["AuthorizedUrl"]
        browser = self._client.Browser(url)
        browser.open()
        _answered(self._client, browser)
        cell = time.perf_counter() - begun
        sagemaker.stop_notebook_instance(NotebookInstanceName=name)
        self._settle(name, "Stopped")
        return {_SERVER: serves, _CELL: cell}

    def _settle(self, name: str, wanted: str) -> None:
        def is_there() -> bool:
            found = self._sagemaker.describe_notebook_instance(NotebookInstanceName=name)
            if found["NotebookInstanceStatus"] == "Failed":
                raise RuntimeError(found["FailureReason"])
            return bool(found["NotebookInstanceStatus"] == wanted)

        _wait(is_there)


def _bare(
    client: ModuleType, folder: Path, jupyter: Path, kernel: Path, log: Path
) -> Callable[[], Mapping[str, float]]:
    """JupyterLab as a user starts it, with the same kernel."""
    specs, root = folder / "kernels" / _KERNEL, folder / "root"
    specs.mkdir(parents=True)
    root.mkdir()
    argv = [str(kernel / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (specs / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": _KERNEL, "language": "python"}))
    options = ["--no-browser", "--allow-root", "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"]
    environment = {"JUPYTER_PATH": str(folder), "JUPYTER_RUNTIME_DIR": str(folder / "run"), "HOME": str(root)}

    def sample() -> Mapping[str, float]:
        port = peers.free_port()
        command = [str(jupyter / "bin" / "python"), "-m", "jupyterlab", f"--ServerApp.port={port}", *options]
        peer = peers.Peer(command, port, "/api", environment, root)
        begun = time.perf_counter()
        with peers.serving(peer, log):
            serves = time.perf_counter() - begun
            _answered(client, client.Browser(f"http://localhost:{port}"))
            return {_SERVER: serves, _CELL: time.perf_counter() - begun}

    return sample


def _answered(client: ModuleType, browser: Any) -> None:
    """Start a kernel, and have a cell run in it."""
    started = browser.json("POST", "/api/kernels", {"name": _KERNEL})
    channel = client.Channel(browser, f"/api/kernels/{started['id']}/channels")
    printed = channel.execute("print(6 * 7)")
    channel.close()
    if printed.strip() != "42":
        raise RuntimeError(f"a cell printed {printed!r}")


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"not within {_PATIENCE_S:g} s")
        time.sleep(0.02)
