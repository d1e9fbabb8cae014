"""One asynchronous invocation: its input fetched, its model asked, its answer stored, its end told."""

from __future__ import annotations

import logging
import threading
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final

from sagewright.base.errors import SagewrightError, StaleRecord, Terminal, Transient
from sagewright.controllers.async_metrics import InvocationMetrics
from sagewright.controllers.exchange import Answer, Broken, Stopped, exchange
from sagewright.controllers.platform import ObjectFiles, Platform
from sagewright.controllers.staging import split_uri
from sagewright.dataplane.events.bus import Bus, Message
from sagewright.resources import async_invocation
from sagewright.resources.endpoint import LOG_GROUP
from sagewright.resources.record import Key, Record
from sagewright.store.base import Write

_log = logging.getLogger(__name__)

MOST_BYTES: Final = 1 << 30
"""Of an input, as on AWS."""
_ATTEMPTS: Final = 3
"""On how many instances an invocation is tried that die while they are at it."""
_REASON: Final = 1024
"""Characters of a failure's reason."""
_HEADERS: Final = (
    ("ContentType", "Content-Type"),
    ("Accept", "Accept"),
    ("CustomAttributes", "X-Amzn-SageMaker-Custom-Attributes"),
    ("InferenceId", "X-Amzn-SageMaker-Inference-Id"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """An instance that takes an invocation."""

    task: str
    sockets: Sequence[str]
    log_stream: str
    variant: str
    weight: float
    busy: int
    """Invocations that it is at."""


class Result(Enum):
    """What became of a try."""

    DONE = "it has its end"
    AGAIN = "the instance is gone: another should try"
    LATER = "something of ours is away"


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What is to be told."""

    path: Path | None
    content_type: str = ""
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """What goes to an instance."""

    place: Place
    record: Record
    body: BinaryIO
    length: int
    folder: Path
    """For what comes back."""


class Answering:
    """Carries invocations out; all methods may be called from any thread."""

    def __init__(self, platform: Platform, bus: Bus, folder: Path) -> None:
        """`folder` is for bodies while they are under way."""
        self._platform, self._bus, self._folder = platform, bus, folder
        self._tries: dict[Key, int] = {}

    def answer(self, key: Key, place: Place | None, stop: threading.Event) -> Result:
        """Carry one out on an instance; without one, say that it has waited for too long."""
        record = self._platform.store.get(key)
        if record is None:
            return Result.DONE
        self._folder.mkdir(mode=0o700, exist_ok=True)
        try:
            with TemporaryDirectory(dir=self._folder) as folder:
                began = self._platform.clock.now()
                outcome = self._outcome(record, place, Path(folder), stop)
                outcome = self._store(record, outcome)
                self._end(record, place, outcome, began)
        except Broken as error:
            _log.info("invocation %s lost its instance: %s", record.name, error)
            if not error.begun:
                return Result.LATER
            self._tries[key] = self._tries.get(key, 0) + 1
            return Result.AGAIN
        except Stopped:
            return Result.AGAIN
        except (Transient, StaleRecord) as error:
            _log.warning("invocation %s is tried again: %s", record.name, error)
            return Result.LATER
        self._tries.pop(key, None)
        return Result.DONE

    # What comes of it.

    def _outcome(self, record: Record, place: Place | None, folder: Path, stop: threading.Event) -> _Outcome:
        if place is None:
            return _Outcome(None, failure="The request expired: it waited in the queue for longer than its TTL.")
        if self._tries.get(record.key, 0) >= _ATTEMPTS:
            return _Outcome(None, failure=f"{_ATTEMPTS} instances ended while they worked on the request.")
        metrics = self._metrics(record)
        began = time.monotonic()
        try:
            with self._input(record, folder / "input") as (body, length):
                metrics.took("RequestDownloadLatency", time.monotonic() - began)
                asked = _Asked(place, record, body, length, folder)
                answer, path = self._ask(asked, metrics, stop)
        except TimeoutError:
            seconds = record.spec["InvocationTimeoutSeconds"]
            return _Outcome(None, failure=f"The model did not answer within {seconds} seconds.")
        except Transient:
            raise
        except (SagewrightError, OSError) as error:
            metrics.count("RequestDownloadFailures")
            where = record.spec.get("InputLocation", "the request's body")
            return _Outcome(None, failure=f"The input {where} could not be read: {error}")
        content_type = answer.headers.get("content-type", "")
        if answer.ok:
            return _Outcome(path, content_type)
        said = path.read_bytes()[:_REASON].decode("utf-8", "replace")
        kind = "server" if answer.status >= 500 else "client"
        failure = f'Received {kind} error ({answer.status}) from primary with message "{said}".'
        return _Outcome(path, content_type, failure)

    def _ask(self, asked: _Asked, metrics: InvocationMetrics, stop: threading.Event) -> tuple[Answer, Path]:
        ended = metrics.asked(time.monotonic())
        status: int | None = 0
        try:
            answer, path = _through(asked, stop)
            status = answer.status
        except (Broken, Stopped):
            status = None
            raise
        finally:
            ended(time.monotonic(), status)
        return answer, path

    @contextmanager
    def _input(self, record: Record, spare: Path) -> Iterator[tuple[BinaryIO, int]]:
        """The input, open, and how many bytes it has. Raises what the objects raise, and Terminal."""
        location = record.spec.get("InputLocation")
        if location is None:
            kept = self._platform.store.get(async_invocation.body_key(record.key))
            data = b64decode(kept.spec["body"]) if kept is not None else b""
            yield BytesIO(data), len(data)
            return
        objects, (bucket, key) = self._objects(record), split_uri(location)
        stored = objects.stored(bucket, key)
        if stored.size > MOST_BYTES:
            raise Terminal(f"It has {stored.size} bytes; the limit is {MOST_BYTES}.")
        if stored.data is not None:
            yield BytesIO(stored.data), stored.size
            return
        if stored.path is None:
            objects.materialise(bucket, key, spare)
        with (stored.path or spare).open("rb") as file:
            yield file, stored.size

    def _store(self, record: Record, outcome: _Outcome) -> _Outcome:
        """Put the answer, or what failed, where it belongs."""
        location = record.spec.get("OutputLocation" if outcome.failure is None else "FailureLocation")
        if location is None:
            return outcome
        path = outcome.path
        if path is None:
            path = self._folder / f"{record.name}.error"
            path.write_text(outcome.failure or "")
        metrics, began = self._metrics(record), time.monotonic()
        try:
            attributes = {"ContentType": outcome.content_type or "text/plain"}
            self._objects(record).put_file(*split_uri(location), path, attributes=attributes)
            metrics.took("ResponseUploadLatency", time.monotonic() - began)
        except Transient:
            raise
        except (SagewrightError, OSError) as error:
            metrics.count("ResponseUploadFailures")
            failure = f"The output could not be written to {location}: {error}"
            if outcome.failure is None:
                return self._store(record, _Outcome(None, failure=failure))
            _log.warning("invocation %s: %s", record.name, failure)
        finally:
            if outcome.path is None:
                path.unlink(missing_ok=True)
        return outcome

    def _metrics(self, record: Record) -> InvocationMetrics:
        return InvocationMetrics(self._platform.meter, record)

    def _objects(self, record: Record) -> ObjectFiles:
        return self._platform.objects_as(record.spec["RoleArn"], record.key.region)

    # The end.

    def _end(self, record: Record, place: Place | None, outcome: _Outcome, began: float) -> None:
        """Tell of it, and remove the record in the same commit."""
        store, now = self._platform.store, self._platform.clock.now()
        writes: list[Write] = [("delete", record)]
        if (body := store.get(async_invocation.body_key(record.key))) is not None:
            writes.append(("delete", body))
        message = async_invocation.notice(
            record,
            ended=now,
            reason=None if outcome.failure is None else outcome.failure[:_REASON],
            content_type=outcome.content_type,
            body=_small(outcome.path),
        )
        if message is not None:
            arn, text = message
            told = self._bus.message_record(record.key.account, record.key.region, Message(arn, text))
            writes.append(("create", told))
        store.write(writes)
        self._observe_end(record, place, outcome, began - record.created, now - record.created)
        if place is not None:
            self._log_end(record, place, outcome, began, now)

    def _observe_end(self, record: Record, place: Place | None, outcome: _Outcome, waited: float, total: float) -> None:
        metrics = self._metrics(record)
        if place is None:
            metrics.count("ExpiredRequests")
        else:
            metrics.count("InvocationsProcessed" if outcome.failure is None else "InvocationFailures")
            metrics.took("TimeInBacklog", waited, "Milliseconds")
            metrics.took("TotalProcessingTime", total, "Milliseconds")

    def _log_end(self, record: Record, place: Place, outcome: _Outcome, began: float, now: float) -> None:
        said = "succeeded" if outcome.failure is None else f"failed. {outcome.failure}"
        line = (
            f"[{record.spec['InferenceId']}] Inference request {said.rstrip('.')}. "
            f"TimeInBacklog: {_ms(began - record.created)} ms, TotalProcessingTime: {_ms(now - began)} ms"
        )
        logs = self._platform.logs.at(record.key.account, record.key.region)
        stream = f"{place.log_stream}/data-log"
        logs.append_from(LOG_GROUP + record.key.parent, stream, [(int(now * 1000), line, 0)])


def _through(asked: _Asked, stop: threading.Event) -> tuple[Answer, Path]:
    """Ask one container after the other, each with what the one before answered; the last answer and its body."""
    spec, sockets = asked.record.spec, asked.place.sockets
    until = time.monotonic() + spec["InvocationTimeoutSeconds"]
    headers = [(header, spec[member]) for member, header in _HEADERS if spec.get(member) is not None]
    path = asked.folder / "1"
    with path.open("wb") as into:
        answer = exchange(Path(sockets[0]), headers, asked.body, asked.length, into, until=until, stop=stop)
    for number, socket in enumerate(sockets[1:], 2):
        if not answer.ok:
            break
        others = [(name, value) for name, value in headers if name != "Content-Type"]
        before, path = path, asked.folder / str(number)
        with before.open("rb") as source, path.open("wb") as into:
            size = before.stat().st_size
            answer = exchange(Path(socket), _typed(others, answer.headers), source, size, into, until=until, stop=stop)
        before.unlink()
    return answer, path


def _typed(headers: Sequence[tuple[str, str]], told: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    return [("Content-Type", told["content-type"]), *headers] if "content-type" in told else headers


def _small(path: Path | None) -> bytes | None:
    """A body that goes along with a notice."""
    if path is None or path.stat().st_size > async_invocation.LONGEST_NOTICE:
        return None
    return path.read_bytes()


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
