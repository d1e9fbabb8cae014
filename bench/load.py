"""Load over kept-alive HTTP/1.1 connections: wrk where it is installed, else a small client on asyncio."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

_SCRIPT: Final = """
local requests = {}
for line in io.lines(os.getenv("BENCH_REQUESTS")) do
  requests[#requests + 1] = (line:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end
local turn = 0
function request()
  turn = turn % #requests + 1
  return requests[turn]
end
function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '\\nRESULT {"requests": %d, "us": %d, "p50": %d, "p99": %d, ' ..
    '"failed": {"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
"""


@dataclass(frozen=True)
class HttpRequest:
    """A request, ready to be sent as often as one likes."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def raw(self, port: int) -> bytes:
        """Its bytes."""
        headers = {"Host": f"127.0.0.1:{port}", "Content-Length": str(len(self.body)), **self.headers}
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join((*lines, "", "")).encode() + self.body


@dataclass(frozen=True)
class Result:
    """What one drive measured."""

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float


def has_wrk() -> bool:
    """Whether the better load generator is here."""
    return shutil.which("wrk") is not None


def post(path: str, body: bytes) -> HttpRequest:
    """JSON to somebody who asks for no signature."""
    return HttpRequest("POST", path, {"Content-Type": "application/json", "Accept": "application/json"}, body)


def caught(request: Any) -> HttpRequest:
    """A request that botocore has prepared and signed."""
    headers = {}
    for name, value in request.headers.items():
        if name.lower() == "host":  # some signers write it down; it is sent once, and is the same
            continue
        headers[name] = value.decode() if isinstance(value, bytes) else str(value)
    url = urlsplit(request.url)
    path = f"{url.path}?{url.query}" if url.query else url.path
    return HttpRequest(request.method, path, headers, request.body or b"")


def once(port: int, request: HttpRequest) -> tuple[int, bytes]:
    """Send it, give status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(request.method, request.path, request.body, dict(request.headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def drive(folder: Path, port: int, requests: Sequence[HttpRequest], *, connections: int, seconds: float) -> Result:
    """Send the requests in turn, as fast as answers come. Raises RuntimeError if any answer is not a 2xx."""
    raw = [request.raw(port) for request in requests]
    if has_wrk():
        return _wrk(folder, port, raw, connections, seconds)
    return asyncio.run(_asyncio(port, raw, connections, seconds))


def _wrk(folder: Path, port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Result:
    script, lines = folder / "wrk.lua", folder / "wrk.requests"
    script.write_text(_SCRIPT)
    lines.write_text("".join("".join(f"%{byte:02x}" for byte in request) + "\n" for request in requests))
    whole = str(max(1, round(seconds)))  # it counts in whole seconds
    done = subprocess.run(
        [
            shutil.which("wrk") or "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{whole}s",
            "--timeout=30s",  # else it counts what takes two seconds as failed
            "-s",
            str(script),
            f"http://127.0.0.1:{port}/",
        ],
        capture_output=True,
        text=True,
        check=True,
        env={"BENCH_REQUESTS": str(lines)},
    )
    found = json.loads(done.stdout.rpartition("RESULT ")[2])
    return _result(found["requests"], found["us"] / 1e6, found["p50"] / 1e3, found["p99"] / 1e3, failed=found["failed"])


async def _asyncio(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Result:
    turn = cycle(requests)
    took: list[float] = []
    failed = {"status": 0}
    begun = time.perf_counter()
    end = begun + seconds

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while (start := time.perf_counter()) < end:
                writer.write(next(turn))
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length))
                took.append(time.perf_counter() - start)
                failed["status"] += not head.startswith(b"HTTP/1.1 2")
        finally:
            writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    passed = time.perf_counter() - begun
    took.sort()
    middle, late = took[len(took) // 2], took[min(len(took) - 1, int(len(took) * 0.99))]
    return _result(len(took), passed, middle * 1e3, late * 1e3, failed=failed)


def _result(requests: int, seconds: float, p50_ms: float, p99_ms: float, *, failed: Mapping[str, int]) -> Result:
    if any(failed.values()):
        kinds = ", ".join(f"{kind} {count}" for kind, count in failed.items() if count)
        raise RuntimeError(f"{sum(failed.values())} requests failed under load ({kinds})")
    return Result(requests, requests / seconds, p50_ms, p99_ms)
