"""Neighbours: the server's end. Starts the process that holds the neighbours when somebody first asks one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.neighbours import refusals
from sagewright.neighbours.frames import Answer, Question, question_bytes, read_answer

_log = logging.getLogger(__name__)
_LIVES: Final = 3
"""How many processes may die over one question before it is given up: it may be what kills them."""
_HANDED_ON: Final = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "COVERAGE_PROCESS_START")


@dataclass(slots=True)
class _Asked:
    question: Question
    future: Future[Answer]
    lives: int = 0


class Neighbours:
    """Asks the neighbours; any thread may. The process starts with the first question, and again when it died.

    What was answered is on disk. A question that was under way when the process died is asked again of the next one,
    which knows by its number whether it was done: nothing is done twice, and nothing is answered that is not kept.
    """

    def __init__(self, data: Path | None, *, database: str | None = None) -> None:
        """Keeps what the neighbours know in `data`/neighbours.db; None keeps it in memory only. Servers that share what
        their neighbours know give the address of a PostgreSQL `database` for it instead."""
        self._data, self._database = data, database
        self._server = secrets.token_hex(8)
        self._lock = threading.Lock()
        self._asked: dict[int, _Asked] = {}
        self._number = 0
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._stream: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the neighbours; None while there is none."""
        process = self._process
        return None if process is None else process.pid

    def ask(
        self, service: str, operation: str, params: Mapping[str, Any], *, account: str, region: str
    ) -> dict[str, Any]:
        """The operation's output, as the service's model names it; times are epoch seconds, blobs bytes.

        Waits for the answer, so not for the event loop. Nobody's permission is looked at: who asks has decided that.
        Raises AwsError with the service's code for what it refuses.
        """
        return _result(self._submit(service, operation, params, account, region).result())

    async def answer(
        self, service: str, operation: str, params: Mapping[str, Any], *, account: str, region: str
    ) -> dict[str, Any]:
        """The same for the event loop."""
        # Starting the process and writing to it may take a moment, which the event loop does not have.
        future = await asyncio.to_thread(self._submit, service, operation, params, account, region)
        return _result(await asyncio.wrap_future(future))

    def close(self) -> None:
        """Let the process go. What it answered is kept."""
        with self._lock:
            self._closed = True
            stream, process = self._stream, self._process
            self._stream = self._process = None
        if stream is not None:
            # Its reader here, and the process at the other end, see the end of the stream.
            stream.shutdown(socket.SHUT_RDWR)
        if process is not None:
            _gone(process)

    def _submit(
        self, service: str, operation: str, params: Mapping[str, Any], account: str, region: str
    ) -> Future[Answer]:
        refusals.check(service, operation, params)
        with self._lock:
            if self._closed:
                raise AwsError("ServiceUnavailable", "The server is stopping. Ask again when it is back.")
            self._number += 1
            question = Question(
                self._number, min(self._asked, default=self._number), service, operation, dict(params), account, region
            )
            asked = _Asked(question, Future())
            data = question_bytes(question)
            if self._stream is None:
                self._start()
            self._asked[question.number] = asked
            self._send(data)
        return asked.future

    def _send(self, data: bytes) -> None:
        assert self._stream is not None
        # Where the process has died, the reader of its stream sees that as well, and asks the next one.
        with contextlib.suppress(OSError):
            self._stream.sendall(data)

    def _start(self) -> None:
        """Start the process; the lock is held."""
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", "sagewright.neighbours.host", "--stream", str(theirs.fileno())]
        command += ["--server", self._server]
        if self._data is not None:
            command += ["--data", str(self._data)]
        environment = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
        if self._database is not None:
            environment["SAGEWRIGHT_NEIGHBOURS"] = self._database
        # A session of its own, because Ctrl-C is for the server, which may still want to ask.
        with theirs:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._stream = ours
        threading.Thread(target=self._read, args=(ours, self._process), name="neighbours", daemon=True).start()

    def _read(self, stream: socket.socket, process: subprocess.Popen[bytes]) -> None:
        while (answer := read_answer(stream)) is not None:
            with self._lock:
                asked = self._asked.pop(answer.number, None)
            if asked is not None and asked.future.set_running_or_notify_cancel():
                asked.future.set_result(answer)
        stream.close()
        process.kill()  # closed its end, or is about to
        process.wait()
        self._ended(process)

    def _ended(self, process: subprocess.Popen[bytes]) -> None:
        """The process is gone: ask the next one what this one did not answer."""
        given_up = []
        with self._lock:
            if self._process is process:
                self._stream = self._process = None
            for number, asked in list(self._asked.items()):
                asked.lives += 1
                if self._closed or asked.lives >= _LIVES:
                    given_up.append(self._asked.pop(number))
            if not self._closed and self._stream is None:
                _log.warning("the neighbours' process ended with status %s", process.returncode)
                if self._asked:
                    self._start()
                    for asked in self._asked.values():
                        self._send(question_bytes(asked.question))
        for asked in given_up:
            if asked.future.set_running_or_notify_cancel():
                asked.future.set_result(_given_up(asked.question))


def _given_up(question: Question) -> Answer:
    what = f"{question.operation} of {question.service}"
    sentence = f"The process that answers {what} ended each time that it was asked. The server's log says why."
    return Answer(question.number, None, "ServiceUnavailable", sentence)


def _result(answer: Answer) -> dict[str, Any]:
    if answer.result is None:
        raise AwsError(answer.code, answer.message, status=answer.status)
    return answer.result


def _gone(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
