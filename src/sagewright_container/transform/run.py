"""One instance of a batch transform job: start the model's server, push every object through it, leave the outputs.

An output appears under its name when it is whole, so whoever starts again after being ended goes on after the last one.
"""

from __future__ import annotations

import contextlib
import gzip
import mmap
import os
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import FrameType
from typing import IO, NamedTuple

from sagewright_container.contract import Contract
from sagewright_container.transform import client, processing, splitting
from sagewright_container.transform.errors import BadData, ServerEnded, TransformError
from sagewright_container.transform.plan import Folder, Outcome, Plan, Settings, Source

_STOP_S = 20.0
_AHEAD = 2  # payloads in hand for each request that is under way
_TELL_S = 1.0  # how often the data log tells how many objects are done
STOPPED = 143


class Stopped(BaseException):
    """Somebody asked this program to end."""


def main(command: list[str]) -> int:
    """Serve with `command` and do the plan; answer 0 when every object has its output, 1 when not.

    Without a command the servers are all tasks of their own.
    """
    folder = Folder(Contract())
    outcome = Outcome()
    signal.signal(signal.SIGTERM, _stop)
    server = subprocess.Popen(command) if command else None
    try:
        with open(folder.at("data-log"), "a", encoding="utf-8") as log:
            try:
                _push(folder, folder.plan(), server, DataLog(log), outcome)
            except TransformError as error:
                outcome.error = f"{error.kind}: {error}"
        folder.write(outcome)
        return 1 if outcome.error or outcome.failures else 0
    except Stopped:
        return STOPPED
    finally:
        if server is not None:
            _end(server)


def _stop(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        server.kill()


def _push(folder: Folder, plan: Plan, server: subprocess.Popen[bytes] | None, log: DataLog, outcome: Outcome) -> None:
    others = [client.Address(folder.at(path)) for path in plan.others]
    address, ended = (client.Address.of(os.environ), server.poll) if server else (others.pop(0), _runs)
    client.wait_until_ready(address, ended, limit_s=plan.startup_s)
    for other in others:
        client.wait_until_ready(other, _runs, limit_s=plan.startup_s)
    settings = plan.settled(client.execution_parameters(address))
    outcome.settings = str(settings)
    log.say(str(settings))
    headers = {"Content-Type": plan.content_type, "Accept": plan.accept}
    given = {name: value for name, value in headers.items() if value}

    def connect() -> client.Pipeline:
        chunked = settings.payload_bytes == 0
        limits = {"timeout_s": plan.timeout_s, "retries": plan.retries, "chunked": chunked}
        first = client.Client(address, given, ended, **limits)  # type: ignore[arg-type]
        rest = [client.Client(other, given, _runs, **limits) for other in others]  # type: ignore[arg-type]
        return client.Pipeline([first, *rest])

    Push(folder, plan, settings, connect, log, outcome).run()


def _runs() -> None:
    """Whether another task's server has ended is not for this one to see: the platform watches it."""
    return


class DataLog:
    """Lines for the data log: epoch milliseconds, then AWS's own layout."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def say(self, line: str) -> None:
        """One line; it is there at once."""
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        text = "".join(mark if mark.isprintable() else " " for mark in line)
        self._file.write(f"{int(now * 1000)} {stamp}.{int(now * 1000) % 1000:03d}:[sagemaker logs]: {text}\n")
        self._file.flush()


class Progress:
    """Tells the data log how many of the objects are done: that is all that anybody outside knows of it."""

    def __init__(self, log: DataLog, objects: int) -> None:
        self._log, self._objects = log, objects
        self._done = self._told = 0
        self._when = time.monotonic()

    def one(self) -> None:
        """One more has its output."""
        self._done += 1
        if time.monotonic() - self._when >= _TELL_S:
            self.tell()

    def tell(self) -> None:
        """How many there are now, unless that was said."""
        if self._done > self._told:
            self._log.say(f"{self._done} of {self._objects} objects done")
            self._told, self._when = self._done, time.monotonic()


class Output:
    """What becomes of one object."""

    def __init__(self, source: Source, path: str) -> None:
        self.source = source
        self.failed: TransformError | None = None
        self._path = path
        self._file: IO[bytes] | None = None

    def add(self, piece: bytes, *, lines: bool) -> None:
        """The next answer; with `lines` it ends with a newline."""
        file = self._open()
        file.write(piece)
        if lines and piece and not piece.endswith(b"\n"):
            file.write(b"\n")

    def finish(self) -> None:
        """It is whole: give it its name."""
        self._open().close()
        os.replace(f"{self._path}.part", self._path)

    def fail(self, error: TransformError) -> None:
        """There will be none."""
        self.failed = self.failed or error
        if self._file is not None:
            self._file.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self._path}.part")

    def _open(self) -> IO[bytes]:
        if self._file is None:
            self._file = open(f"{self._path}.part", "wb")  # noqa: SIM115  closed when the object is done
        return self._file


class Step(NamedTuple):
    """Something that has to be done in turn: an answer to be written, an error, or (neither) the end of an object."""

    output: Output
    answer: Future[bytes] | None = None
    error: TransformError | None = None


class Push:
    """Payloads go out in order, several at a time, across objects; answers are written in the same order."""

    def __init__(
        self,
        folder: Folder,
        plan: Plan,
        settings: Settings,
        connect: Callable[[], client.Pipeline],
        log: DataLog,
        outcome: Outcome,
    ) -> None:
        self._folder, self._plan, self._settings = folder, plan, settings
        self._connect, self._log, self._outcome = connect, log, outcome
        self._single = settings.strategy == "SingleRecord" and plan.split != "None"
        self._processing = processing.of(plan, single=self._single)
        self._own = threading.local()
        self._progress = Progress(log, len(plan.objects))

    def run(self) -> None:
        """All objects. One that fails does not keep the others from their outputs. Raises ServerEnded."""
        under_way: deque[Step] = deque()
        pool = ThreadPoolExecutor(self._settings.concurrency, "invoke")
        try:
            for step in self._steps(pool):
                under_way.append(step)
                if len(under_way) > _AHEAD * self._settings.concurrency:
                    self._settle(under_way.popleft())
            while under_way:
                self._settle(under_way.popleft())
        finally:
            self._progress.tell()
            pool.shutdown(wait=False, cancel_futures=True)

    def _steps(self, pool: ThreadPoolExecutor) -> Iterator[Step]:
        for source in self._plan.objects:
            if os.path.exists(self._folder.at(source.output)):
                self._progress.one()  # from before this program was ended
                continue
            output = Output(source, self._folder.at(source.output))
            try:
                with self._data(source) as data:
                    for payload in self._payloads(data):
                        if output.failed:
                            break
                        yield Step(output, pool.submit(self._invoke, payload))
            except TransformError as error:
                yield Step(output, error=error)
            yield Step(output)

    def _payloads(self, data: splitting.Data) -> Iterator[memoryview]:
        limit = self._settings.payload_bytes
        return splitting.payloads(data, self._plan.split, single=self._single, limit=limit)

    def _invoke(self, payload: memoryview) -> bytes:
        """On a thread of the pool, over its own connection."""
        connection: client.Pipeline | None = getattr(self._own, "client", None)
        if connection is None:
            connection = self._own.client = self._connect()
        return self._processing.kept(payload, connection.invoke(self._processing.sent(payload)))

    def _settle(self, step: Step) -> None:
        output = step.output
        if output.failed:
            if step.answer is not None:
                step.answer.cancel()
            return
        try:
            if step.error is not None:
                raise step.error
            if step.answer is not None:
                output.add(step.answer.result(), lines=self._plan.assemble == "Line")
            else:
                output.finish()
                self._progress.one()
        except TransformError as error:
            output.fail(error)
            for line in error.lines:
                self._log.say(f"{output.source.name}: {line}")
            self._outcome.failures.append(
                {"object": output.source.name, "kind": error.kind, "reason": str(error)[:2000]}
            )
            if isinstance(error, ServerEnded):
                raise

    @contextlib.contextmanager
    def _data(self, source: Source) -> Iterator[splitting.Data]:
        """An object's bytes, mapped rather than read: what is not under way need not be in memory."""
        path = self._folder.at(source.input)
        if self._plan.gzip:
            path = self._unpacked(source, path)
        with open(path, "rb") as file:
            if self._plan.gzip:
                os.unlink(path)
            if os.fstat(file.fileno()).st_size == 0:
                yield b""
                return
            # Never closed by hand: payloads that are under way still point into it.
            yield mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def _unpacked(self, source: Source, path: str) -> str:
        target = f"{self._folder.at(source.output)}.unpacked"
        try:
            with gzip.open(path, "rb") as packed, open(target, "wb") as plain:
                shutil.copyfileobj(packed, plain, 1 << 20)
            return target
        except (OSError, EOFError) as error:
            os.unlink(target)
            raise BadData(f"The object is not what gzip writes: {error}") from error
