"""A PostgreSQL server of one's own, for tests and benchmarks: on a private socket, in a folder that goes with it."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class NoPostgres(Exception):
    """PostgreSQL cannot be had here: the sentence says why."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server that runs."""

    folder: Path
    programs: Path
    user: str

    def url(self, database: str = "postgres") -> str:
        """Where a database of it is, as `--store` takes it."""
        return f"postgresql:///{database}?host={self.folder}&user=sagewright"

    def new_database(self) -> str:
        """The address of a fresh database."""
        import psycopg

        name = f"test_{secrets.token_hex(6)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def start(self, *, durable: bool) -> None:
        """Start it; answers when it takes connections. Without `durable`, a power cut may take what was written."""
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync={'on' if durable else 'off'}"
        self._run(
            "pg_ctl", "-D", str(self._data), "-l", str(self.folder / "log"), "-o", options, "-w", "-t", "110", "start"
        )

    def stop(self) -> None:
        """Stop it as a machine that goes down would: connections are cut."""
        self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "-t", "110", "stop")

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            user=self.user if os.getuid() == 0 else None,
            cwd=self.folder,
            env={"LC_ALL": "C", "PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode:
            raise NoPostgres(f"{program} failed: {done.stderr.strip()[-500:]}")

    def initialise(self) -> None:
        """Make its files. The language is one that sorts otherwise than by code point, where there is one."""
        self._run(
            "initdb", "-D", str(self._data), "-U", "sagewright", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"
        )


@contextmanager
def serving(*, durable: bool = False) -> Iterator[Postgres]:
    """A server for as long as the block lasts. Raises NoPostgres where there is none."""
    try:
        import psycopg  # noqa: F401 - asked for before anything is started
    except ImportError:
        raise NoPostgres("psycopg is not installed: pip install 'sagewright[postgres]'") from None
    programs = _programs()
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="sagewright-pg-", dir="/tmp"))
    try:
        if os.getuid() == 0:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        server = Postgres(folder, programs, user)
        server.initialise()
        server.start(durable=durable)
        try:
            yield server
        finally:
            _end(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _end(folder: Path) -> None:
    """Whatever a test did to it."""
    try:
        pid = int((folder / "data" / "postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    os.kill(pid, signal.SIGQUIT)


def _programs() -> Path:
    """Where the newest PostgreSQL's programs are: Debian does not put them on the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = versions[-1] if versions else Path(shutil.which("initdb") or "")
    if not found.name:
        raise NoPostgres("PostgreSQL is not installed (apt-get install postgresql)")
    return found.resolve().parent


def _user() -> str:
    """Who runs it: PostgreSQL refuses to be root."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid()).pw_name
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NoPostgres("PostgreSQL does not run as root, and there is no other user")
