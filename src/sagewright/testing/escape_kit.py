"""Hostile code against an engine: inherit `EscapeKit`, define what `EngineTools` asks for, and say with `abilities`
what is promised. Besides those of the engine kit: `disk` (tasks' files are limited together), `processes limit` (their
number is).
"""

from __future__ import annotations

import json
import os
import socket
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from sagewright.compute.base import Engine, Mount, Network, Resources, Task
from sagewright.controllers import archives, staging
from sagewright.testing.engine_kit import MIB, EngineTools
from sagewright.testing.escapes import ALL, BOMBS, ESCAPES, PRELUDE, Bomb, Targets

_SECRET = "hush-0d7c1f"  # noqa: S105  # what attempts look for
_HARNESS = """
import json, os, signal, sys
given = json.loads(os.environ.pop("ESCAPES"))
for name, source in given:
    print("TRY", name, flush=True)
    child = os.fork()
    if child == 0:
        signal.alarm(120)
        try: exec(compile(source, name, "exec"), {})
        except BaseException as problem: print("BROKEN", repr(problem), flush=True)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if status: print("BROKEN status", status, flush=True)
print("DONE", flush=True)
"""
_LEAVE = r"""
import os, socket
secret, folder = os.environ["SECRET"], os.environ["FOLDER"]
os.chdir("/opt/ml/model")
open("good", "w").write("good")
os.symlink(secret, "link"); os.symlink(folder, "links"); os.symlink("/proc/self/environ", "environ")
os.symlink("../" * 20 + secret.lstrip("/"), "up"); os.symlink("/dev/zero", "endless")
os.mkfifo("fifo"); os.mkdir("folder"); os.symlink("..", "folder/loop")
with socket.socket(socket.AF_UNIX) as sock: sock.bind("socket")
for name in (b"..x", b"a\\..\\b", b"new\nline", b"\xff\xfe", b"-rf", b"..\x01"): open(name, "w").write("odd")
for make in (lambda: os.link(secret, "hard"), lambda: os.mknod("device", 0o60600, os.makedev(8, 0))):
    try: make()
    except OSError: pass
os.rmdir("/opt/ml/output/data"); os.symlink(folder, "/opt/ml/output/data")
os.symlink(secret, "/opt/ml/output/failure")
"""
_ECHO = """
import os, socket
open("/opt/ml/secret", "w").write(os.environ["NEIGHBOUR_SECRET"])
with socket.socket(socket.AF_UNIX) as server:
    server.bind("/opt/ml/run/s"); server.listen(); print("up", flush=True)
    while True:
        with server.accept()[0] as client: client.sendall(%r)
"""

_EXPLOSIVE = [bomb for bomb in BOMBS if bomb.ends != "out of disk"]


class EscapeKit(EngineTools):
    """The attempts of `escapes.py`, and those that need a hand from outside."""

    @pytest.fixture
    def place(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A data folder as a server has it, and a server (this process) that has secrets of its own."""
        for name in ("keys", "objects"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "secret").write_text(_SECRET)
        monkeypatch.setenv("SERVER_SECRET", _SECRET)
        return tmp_path

    @pytest.fixture
    def neighbour(self, engine: Engine, place: Path) -> Iterator[Path]:
        """Another task, which answers on a socket; its address."""
        self.serve(engine, place, "neighbour", b"neighbour")
        address = engine.address("neighbour")
        assert address is not None
        yield address
        assert self.answers(address) == b"neighbour", "the neighbour was disturbed"

    def serve(self, engine: Engine, place: Path, name: str, words: bytes) -> Path:
        ml = place / f"{name}-ml"
        for folder in ("run", "model"):
            (ml / folder).mkdir(parents=True)
        task = Task(
            name,
            ["python", "-c", _ECHO % words],
            python=self.python,
            folder=ml,
            environment={"NEIGHBOUR_SECRET": _SECRET},
            socket="/opt/ml/run/s",
        )
        engine.start(task)
        self.says(engine, "up", name)
        return ml

    def answers(self, address: Path) -> bytes:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(str(address))
            return client.recv(100)

    @pytest.mark.parametrize("network", ALL)
    def test_nothing_gets_out(self, engine: Engine, place: Path, neighbour: Path, network: Network) -> None:
        self.need("isolation")
        if network == "platform":
            self.need("platform")
        tried = [each for each in ESCAPES if network in each.networks and each.needs <= self.abilities]
        (place / "given").mkdir()
        (place / "given" / "file").write_text("given")
        ml = place / "hostile-ml"
        (ml / "model").mkdir(parents=True)
        abstract = f"sagewright-escape-{os.getpid()}"
        with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket(socket.AF_UNIX) as hidden:
            hidden.bind(f"\0{abstract}")
            hidden.listen()
            targets: Targets = {
                "secret": _SECRET,
                "folders": [
                    str(place / name) for name in ("neighbour-ml", "keys", "objects", "tasks", "tasks/hostile/run")
                ],
                "server": os.getpid(),
                "neighbour": _process_of("NEIGHBOUR_SECRET"),
                "port": listening.getsockname()[1],
                "abstract": abstract,
                "given": "/opt/ml/input/data/train/file",
                "environment": str(self.python or ""),
            }
            task = Task(
                "hostile",
                ["python", "-c", _HARNESS],
                python=self.python,
                folder=ml,
                mounts=[Mount(place / "given", "/opt/ml/input/data/train")],
                network=network,
                environment={
                    "TARGETS": json.dumps(targets),
                    "NETWORK": network,
                    "ESCAPES": json.dumps([[each.name, PRELUDE + each.program] for each in tried]),
                },
                resources=Resources(disk_bytes=512 * MIB),
            )
            said = self.run(engine, task)
        assert [line for line in said if not line.startswith("TRY ")] == ["DONE"], "\n".join(said)
        assert said[:-1] == [f"TRY {each.name}" for each in tried]
        assert (place / "given" / "file").read_text() == "given"

    @pytest.mark.parametrize("bomb", _EXPLOSIVE, ids=[bomb.name for bomb in _EXPLOSIVE])
    def test_nobody_takes_what_others_need(self, engine: Engine, place: Path, neighbour: Path, bomb: Bomb) -> None:
        self.need("isolation")
        for ability in sorted(bomb.needs):
            self.need(ability)
        self._light(engine, place, bomb)
        state = self.ended(engine, bomb.name)
        assert not [line for line in self.said(engine, bomb.name) if "ESCAPED" in line]
        assert state.out_of_memory is (bomb.ends == "out of memory") or "memory" not in self.abilities

    def test_nobody_fills_the_disk(self, engine: Engine, place: Path, neighbour: Path) -> None:
        self.need("disk")
        bombs = [bomb for bomb in BOMBS if bomb.ends == "out of disk"]
        for bomb in bombs:
            self._light(engine, place, bomb)
        ends = {bomb.name: self.ended(engine, bomb.name) for bomb in bombs}
        assert {name: (end.out_of_disk, end.out_of_memory) for name, end in ends.items()} == dict.fromkeys(
            ends, (True, False)
        )

    def _light(self, engine: Engine, place: Path, bomb: Bomb) -> None:
        folder = place / f"{bomb.name}-ml"
        (folder / "model").mkdir(parents=True)
        engine.start(
            Task(
                bomb.name,
                ["python", "-c", bomb.program],
                python=self.python,
                folder=folder,
                resources=Resources(memory_bytes=256 * MIB, processes=100, disk_bytes=64 * MIB),
            )
        )

    def test_a_socket_that_is_exchanged_leads_nowhere_else(self, engine: Engine, place: Path, neighbour: Path) -> None:
        self.need("sockets")
        ml = self.serve(engine, place, "hostile", b"hostile")
        address = engine.address("hostile")
        assert address is not None
        assert self.answers(address) == b"hostile"
        # As the task itself would, with a path that only we can know.
        (ml / "run" / "s").unlink()
        (ml / "run" / "s").symlink_to(place / "neighbour-ml" / "run" / "s")
        assert self.answers(address) == b"hostile"
        assert engine.address("hostile") is None
        (ml / "run").rename(ml / "away")
        (ml / "run").symlink_to(place / "neighbour-ml" / "run")
        assert engine.address("hostile") is None
        assert self.answers(address) == b"hostile"

    def test_what_a_task_leaves_leads_nowhere(self, engine: Engine, place: Path) -> None:
        self.need("isolation")
        ml = place / "hostile-ml"
        for folder in ("model", "output/data"):
            (ml / folder).mkdir(parents=True)
        told = {"SECRET": str(place / "keys" / "secret"), "FOLDER": str(place / "keys")}
        task = Task("hostile", ["python", "-c", _LEAVE], python=self.python, folder=ml, environment=told)
        assert self.run(engine, task) == []
        assert staging.of_task(ml, "output/data") is None
        assert staging.read_inside(ml, "output/failure", limit=900) == ""
        model = staging.of_task(ml, "model")
        assert model is not None
        found = {relative: path.read_bytes() for path, relative in staging.files_below(model)}
        assert found.pop("good") == b"good"
        assert set(found.values()) == {b"odd"}
        archives.pack([model], place / "model.tar.gz")
        with tarfile.open(place / "model.tar.gz") as archive:
            members = {member.name: member for member in archive}
            kept = [archive.extractfile(member) for member in members.values() if member.isfile()]
            assert {file.read() for file in kept if file is not None} == {b"good", b"odd"}
        assert all(member.isfile() or member.isdir() or member.issym() for member in members.values())
        assert not any(name.startswith("/") or ".." in Path(name).parts for name in members)

    def test_hosts_of_one_isolated_job_reach_each_other_and_nobody_else(self, engine: Engine, place: Path) -> None:
        self.need("network")
        hosts = {"algo-1": "127.0.0.1", "algo-2": "127.0.0.2"}
        script = (
            "import socket, sys, time\n"
            "own, other = sys.argv[1:]\n"
            "with socket.create_server((own, 4321)) as server:\n"
            "    while True:\n"
            "        try: client = socket.create_connection((other, 4321), timeout=5); break\n"
            "        except OSError: time.sleep(0.01)\n"
            "    with client, server.accept()[0] as accepted:\n"
            "        accepted.sendall(sys.argv[3].encode()); print(client.recv(10).decode(), flush=True)"
        )
        for job, network in (("one", "none"), ("two", "platform" if "platform" in self.abilities else "none")):
            for own, other in (("algo-1", "algo-2"), ("algo-2", "algo-1")):
                engine.start(
                    Task(
                        f"{job}-{own}",
                        ["python", "-c", script.replace("sys.argv[3]", repr(job)), own, other],
                        python=self.python,
                        network=cast(Network, network),
                        group=job,
                        hosts=hosts,
                        hostname=own,
                    )
                )
        for job in ("one", "two"):  # both with the same port, at the same time
            for own in ("algo-1", "algo-2"):
                self.ended(engine, f"{job}-{own}")
                assert self.said(engine, f"{job}-{own}") == [job]


def _process_of(variable: str) -> int:
    """A process of another task: the one that has this variable."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if variable.encode() + b"=" in (folder / "environ").read_bytes() and folder.name != str(os.getpid()):
                return int(folder.name)
        except OSError:
            continue
    return 1 << 22
