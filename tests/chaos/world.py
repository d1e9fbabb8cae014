"""What the users of the server share, and the users as threads."""

from __future__ import annotations

import io
import random
import tarfile
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .client import SERVICES, Answer, Clients
from .server import Front
from .witness import Witness

SCRIPTS = Path(__file__).with_name("scripts")
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
BUCKET = "chaos"
OUTPUT = "chaos-output"


class World:
    """A server or several as one, the users, and what happened so far."""

    def __init__(self, front: Front, seed: int) -> None:
        self.front = front
        self.seed = seed
        self.failures: list[str] = []
        self.resting = threading.Event()
        """Set when users shall end what they do and begin nothing."""
        self.steady: dict[str, str] = {}
        """Endpoints that are in service and left alone: name to the model's version."""
        self._happened = threading.Condition()
        self._last: list[str] = []
        self._threads: list[threading.Thread] = []
        self.witness = Witness(self.notice)
        self.role = ""
        self._clients: Clients | None = None

    def prepare(self, services: Sequence[str] = SERVICES) -> None:
        """What all users need; it is up, and nobody kills anything yet."""
        self._clients = Clients(self.front, self.front.environment(), self.notice, services)
        name = self("sts", "get_caller_identity").body["Arn"].split(":assumed-role/")[1].split("/")[0]
        self.role = self("iam", "get_role", RoleName=name).body["Role"]["Arn"]
        for bucket in (BUCKET, OUTPUT):
            self("s3", "create_bucket", Bucket=bucket)
        script = (SCRIPTS / "train.py").read_bytes()
        self("s3", "put_object", Bucket=BUCKET, Key="code/source.tar.gz", Body=packed({"train.py": script}))
        script = (SCRIPTS / "inference.py").read_bytes()
        for version in ("one", "two", "three", "broken"):
            body = packed({"code/inference.py": script, "version": version.encode()})
            self("s3", "put_object", Bucket=BUCKET, Key=f"models/{version}.tar.gz", Body=body)

    def __call__(self, service: str, operation: str, **params: Any) -> Answer:
        """One call of a patient client."""
        assert self._clients is not None
        return self._clients(service, operation, **params)

    def once(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """One try of one call; see `Clients.once`."""
        assert self._clients is not None
        return self._clients.once(service, operation, **params)

    def at(self, port: int, service: str) -> Any:
        """boto3's client of one of several servers."""
        assert self._clients is not None
        return self._clients.at(port, service)

    # Moments.

    def notice(self, what: str) -> None:
        """Something happened that whoever kills may be waiting for."""
        with self._happened:
            self._last.append(what)
            self._happened.notify_all()

    def wait_for(self, moment: str, within: float) -> bool:
        """Whether it happened within the time from now."""
        with self._happened:
            begin = len(self._last)
            return self._happened.wait_for(lambda: moment in self._last[begin:], within)

    # Users.

    def user(self, name: str, act: Callable[[random.Random], None]) -> None:
        """A thread that acts again and again, until it is time to rest or something is wrong."""

        def run() -> None:
            choose = random.Random(f"{self.seed} {name}")
            while not self.resting.is_set() and not self.failures:
                try:
                    act(choose)
                except BaseException as error:  # noqa: BLE001  # into the report, not to the thread's end
                    story = traceback.format_exc() if not isinstance(error, AssertionError) else _short(error)
                    self.failures.append(f"[{name}] {story}")

        self._threads.append(threading.Thread(target=run, name=name, daemon=True))
        self._threads[-1].start()

    def rest(self, within: float) -> None:
        """Let all users end what they are at."""
        self.resting.set()
        for thread in self._threads:
            thread.join(within)
            if thread.is_alive():
                self.failures.append(f"{thread.name} did not come to an end within {within} s")
        self._threads.clear()
        self.resting.clear()

    def close(self) -> None:
        """Users end at their next call; the server is not needed any more."""
        self.resting.set()
        self.witness.close()
        if self._clients is not None:
            self._clients.close()


def packed(files: Mapping[str, bytes]) -> bytes:
    """A gzipped tar of these."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def unpacked(data: bytes) -> dict[str, bytes]:
    """The files in a gzipped tar."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = {member.name: archive.extractfile(member) for member in archive.getmembers() if member.isfile()}
        return {name: file.read() for name, file in found.items() if file is not None}


def _short(error: BaseException) -> str:
    """An assertion's words and where it was made."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return f"{error}\n    at {places}"
