"""The servers that are measured, ours and the others, and the environments that the others need."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
import psutil
from botocore.config import Config

from bench.base import ROOT, Missing, Run
from sagewright.base.settings import Settings
from sagewright.cli import client as own_client
from sagewright.compute.runtimes import Environments

REGION: Final = "us-east-1"
BIN: Final = ROOT / ".venv" / "bin"
RUNTIMES: Final = Path(os.environ.get("SAGEWRIGHT_RUNTIMES") or ROOT / ".cache" / "runtimes")
IMAGE: Final = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
_ENVIRONMENTS: Final = Path(__file__).with_name("environments")
_START_S: Final = 240.0
"""Some peers import for a long time, on a busy machine above all."""
_STOP_S: Final = 30.0


@dataclass(frozen=True)
class Peer:
    """A server to start: what to run, and an address that answers as soon as it is up."""

    command: Sequence[str]
    port: int
    path: str = "/"
    environment: Mapping[str, str] | None = None
    folder: Path | None = None
    """Where it works; else here."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Keys:
    """Who signs a client's requests."""

    access_key_id: str = "AKIAIOSFODNN7EXAMPLE"
    secret: str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    token: str | None = None


def ours(data: Path, *options: str) -> Peer:
    """Sagewright as a user starts it."""
    port = free_port()
    command = [str(BIN / "sagewright"), "up", "--port", str(port), "--data", str(data), *options]
    return Peer(command, port, "/_sagewright/health", {"SAGEWRIGHT_RUNTIMES": str(RUNTIMES)})


def our_keys(peer: Peer, data: Path) -> Keys:
    """What `sagewright env` hands to a shell: the default execution role's session."""
    made = own_client.connect(Settings(data=data, port=peer.port))
    return Keys(made.access_key_id, made.secret_access_key, made.session_token)


def moto(run: Run) -> Peer:
    """moto's server, in its own byte-compiled environment. Raises Missing where that cannot be made."""
    port = free_port()
    return Peer([str(environment(run, "moto") / "bin" / "moto_server"), "-p", str(port)], port, "/moto-api/")


def null() -> Peer:
    """A server that reads the request and gives a canned answer: what uvicorn and the client cost by themselves."""
    return asgi(Path(sys.executable), "null")


def asgi(python: Path, app: str, environment: Mapping[str, str] | None = None) -> Peer:
    """One of `bench/apps`, run by the uvicorn of `python`."""
    port = free_port()
    command = [str(python), str(ROOT / "bench" / "apps" / f"{app}.py"), str(port)]
    return Peer(command, port, environment=environment)


@contextmanager
def serving(peer: Peer, log: Path) -> Iterator[psutil.Process]:
    """Start it, wait until it answers, and stop it with all its children at the end."""
    with started(peer, log) as process:
        wait_for_answer(peer, process, log)
        yield process


@contextmanager
def started(peer: Peer, log: Path) -> Iterator[psutil.Process]:
    """Start it without waiting."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            peer.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(peer.environment or {})},
            cwd=peer.folder,
        )
    watched = psutil.Process(process.pid)
    try:
        yield watched
    finally:
        _stop(process, watched)


def _stop(process: subprocess.Popen[bytes], watched: psutil.Process) -> None:
    try:
        family = watched.children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in family:
        if child.is_running():
            child.kill()


def wait_for_answer(peer: Peer, process: psutil.Process, log: Path) -> None:
    """Poll its address, tightly, until an HTTP answer begins to come."""
    end = time.monotonic() + _START_S
    while not _answers(peer):
        if time.monotonic() > end or not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            said = log.read_text(errors="replace").strip().splitlines()[-15:]
            raise RuntimeError("\n".join([f"{peer.command[0]} did not start:", *said]))
        time.sleep(0.002)


def _answers(peer: Peer) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", peer.port), timeout=5) as connection:
            connection.sendall(f"GET {peer.path} HTTP/1.1\r\nHost: 127.0.0.1:{peer.port}\r\n\r\n".encode())
            return connection.recv(5) == b"HTTP/"
    except OSError:
        return False


def resident_mb(process: psutil.Process) -> float:
    """Resident memory of a process and its children, in MB (10^6 bytes)."""
    family = [process, *process.children(recursive=True)]
    return sum(each.memory_info().rss for each in family) / 1e6


def cpu_s(process: psutil.Process) -> float:
    """Seconds of the cores that a process and its children have used so far."""
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system
    return total


def client(service: str, peer: Peer, keys: Keys | None = None) -> Any:
    """A boto3 client as users make them, but for retries: a failed call ends the run."""
    keys = keys or Keys()
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=120)
    return boto3.session.Session(keys.access_key_id, keys.secret, keys.token, REGION).client(
        service, endpoint_url=peer.url, config=config
    )


def role_arn(peer: Peer) -> str:
    """Our server's default execution role."""
    with urllib.request.urlopen(f"{peer.url}/_sagewright/health", timeout=10) as answer:
        account = json.load(answer)["account"]
    return f"arn:aws:iam::{account}:role/service-role/SagewrightExecutionRole"


def runtime(run: Run, name: str) -> Path:
    """The Python environment of one of our runtimes, made if need be; it runs the bare model servers too."""
    return Environments(RUNTIMES).ensure(name, run.say)


def runtime_is_made(name: str) -> bool:
    """Whether `runtime` would find it there."""
    return Environments(RUNTIMES).ready(name) is not None


def environment(run: Run, name: str) -> Path:
    """`.venvs/bench-<name>`, made from `environments/<name>.txt` with uv, byte-compiled; Missing if it cannot be."""
    lock = _ENVIRONMENTS / f"{name}.txt"
    place = ROOT / ".venvs" / f"bench-{name}"
    stamp = f"{zlib.crc32(lock.read_bytes())} {sys.version}"
    ready = place / ".stamp"
    if ready.is_file() and ready.read_text() == stamp:
        return place
    run.say(f"making .venvs/bench-{name} (once)")
    shutil.rmtree(place, ignore_errors=True)
    uv = str(BIN / "uv")
    install = [
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--compile-bytecode",
        "--python",
        str(place / "bin" / "python"),
    ]
    for command in (["venv", "--quiet", "--python", sys.executable, str(place)], [*install, "-r", str(lock)]):
        done = subprocess.run([uv, *command], capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise Missing(f"{name} is left out: its environment could not be made here ({last[:200]}).")
    ready.write_text(stamp)
    return place


def output(command: Sequence[str]) -> str:
    """What a program prints. Raises RuntimeError, with the end of its words, when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
