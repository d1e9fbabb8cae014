"""The path of a question through this process: three threads, each with one thing to wait for.

The reader waits for questions, the worker does them one after the other (moto is made for one thread), the writer waits
for the disk. While it waits, the worker goes on, and what has come together is written at once. Every answer passes the
writer, also that of a mere look: nobody is told of a change that might still be lost.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import queue
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.neighbours.frames import Answer, Question, answer_bytes, read_question
from sagewright.neighbours.host import additions, mending, moto_call, pickling, polling
from sagewright.neighbours.host.backends import Backends
from sagewright.neighbours.host.snapshots import Snapshot, Snapshots, Unit, Unreadable
from sagewright.neighbours.table import NEIGHBOURS

_log = logging.getLogger(__name__)
_LOOK_AGAIN: Final = 0.2
"""Seconds between two looks into a queue that somebody waits at: messages may become visible by time alone."""
_LONGEST: Final = 120
"""Seconds that an operation may take. All others wait behind it, so this process ends over one that takes longer."""


@dataclass(slots=True)
class _Done:
    """An answer, and what has to be on disk before it leaves."""

    question: Question
    data: bytes
    kept: dict[Unit, Snapshot] = field(default_factory=dict)


class Work:
    """Answers what comes in on a stream until it ends."""

    def __init__(self, stream: socket.socket, snapshots: Snapshots) -> None:
        self._stream = stream
        self._snapshots = snapshots
        self._backends = Backends(snapshots)
        self._proven: set[tuple[str, str]] = set()
        self._questions: queue.SimpleQueue[Question] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[_Done] = queue.SimpleQueue()

    def run(self) -> None:
        """Never returns: this process ends with the stream, whatever it is doing."""
        self._backends.look_on()
        mending.mend()
        for task in (self._write, self._work):
            threading.Thread(target=_or_end, args=(task,), name=task.__name__, daemon=True).start()
        while (question := read_question(self._stream)) is not None:
            self._questions.put(question)
        os._exit(0)  # what was answered is on disk

    # The worker.

    def _work(self) -> None:
        waiting: list[polling.Waiting] = []
        while True:
            try:
                question = self._questions.get(timeout=_LOOK_AGAIN if waiting else None)
            except queue.Empty:
                waiting = [each for each in waiting if not self._look_again(each)]
                continue
            faulthandler.dump_traceback_later(_LONGEST, exit=True)
            patient = self._take(question)
            faulthandler.cancel_dump_traceback_later()
            if patient is not None:
                waiting.append(patient)
            if waiting and question.service in ("sns", "sqs"):
                waiting = [each for each in waiting if not self._look_again(each)]

    def _take(self, question: Question) -> polling.Waiting | None:
        """Do what is asked, unless it is to wait for a message that is not there yet."""
        known = self._known(question)
        if known is not None:
            self._done.put(_Done(question, known))
            return None
        patient = polling.waiting(question, lambda asked: self._do(asked)[0], time.monotonic())
        answer, kept = self._do(question if patient is None else patient.question)
        if patient is not None and polling.is_empty(question, answer):
            return patient
        self._hand_on(question, answer, kept)
        return None

    def _known(self, question: Question) -> bytes | None:
        """The answer of an earlier process, which died before it could send it or as it did."""
        try:
            return self._snapshots.answer(question.number)
        except Unreadable:
            return None  # doing it will say so

    def _look_again(self, waiting: polling.Waiting) -> bool:
        """Whether somebody who waits at a queue has an answer now."""
        answer, kept = self._do(waiting.question)
        if polling.is_empty(waiting.question, answer) and time.monotonic() < waiting.until:
            return False
        self._hand_on(waiting.question, answer, kept)
        return True

    def _do(self, question: Question) -> tuple[Answer, dict[Unit, Snapshot]]:
        """The answer, and what the writer has to keep of it: nothing where turns are taken, and it is kept already."""
        try:
            with self._snapshots.turn() as stale:
                self._backends.refresh(stale)
                answer, kept = self._done_now(question)
                if not self._snapshots.shared:
                    return answer, kept
                if kept:
                    answers = {question.number: _spelled(question, answer)}
                    self._snapshots.commit(kept, answers, settled=question.settled)
                return answer, {}
        except Unreadable as error:
            return Answer(question.number, None, "ValidationException", str(error)), {}

    def _done_now(self, question: Question) -> tuple[Answer, dict[Unit, Snapshot]]:
        changes = NEIGHBOURS[question.service].changes(question.operation, question.params)
        self._backends.begin()
        try:
            try:
                answer = Answer(question.number, self._result(question))
                kept = self._backends.keep(changes=changes and not polling.is_empty(question, answer))
                self._prove(question, kept)
                if not self._snapshots.shared:
                    self._backends.hand_on(kept)
                return answer, kept
            except Exception as error:
                self._backends.undo(changes=changes)
                raise _refusal(question, error) from error
        except AwsError as error:
            return Answer(question.number, None, error.code, error.message, error.status), {}
        except Unreadable as error:
            return Answer(question.number, None, "ValidationException", str(error)), {}

    def _prove(self, question: Question, kept: dict[Unit, Snapshot]) -> None:
        """That what an operation leaves can be read again, the first time that it leaves it."""
        what = (question.service, question.operation)
        if kept and what not in self._proven:
            for snapshot in kept.values():
                pickling.load(snapshot.state)
            self._proven.add(what)

    def _result(self, question: Question) -> dict[str, Any]:
        added = additions.find(question.service, question.operation)
        if added is None:
            return moto_call.call(
                question.service, question.operation, question.params, question.account, question.region
            )
        modules = partial(self._backends.modules, question.account, question.region)
        return added(additions.Place(question.account, question.region, modules), question.params)

    def _hand_on(self, question: Question, answer: Answer, kept: dict[Unit, Snapshot]) -> None:
        self._done.put(_Done(question, _spelled(question, answer), kept))

    # The writer.

    def _write(self) -> None:
        while True:
            batch = [self._done.get()]
            while not self._done.empty():
                batch.append(self._done.get())
            kept: dict[Unit, Snapshot] = {}
            for done in batch:
                kept.update(done.kept)
            if kept:
                answers = {done.question.number: done.data for done in batch if done.kept}
                try:
                    self._snapshots.commit(kept, answers, settled=max(done.question.settled for done in batch))
                except sqlite3.Error as error:
                    self._give_up(batch, error)
                self._backends.committed(kept.items())
            for done in batch:
                self._stream.sendall(done.data)

    def _give_up(self, batch: list[_Done], error: sqlite3.Error) -> None:
        """What is in memory is not on disk: only the next process, which begins with the disk, can tell the truth."""
        _log.error("the neighbours' file cannot be written: %s", error)
        sentence = f"What the neighbours know cannot be written: {error}. Nothing was changed; make room on the disk."
        for done in batch:
            data = (
                done.data
                if not done.kept
                else answer_bytes(Answer(done.question.number, None, "ServiceUnavailable", sentence))
            )
            self._stream.sendall(data)
        os._exit(1)


def _spelled(question: Question, answer: Answer) -> bytes:
    try:
        return answer_bytes(answer)
    except ValueError as error:
        refused = moto_call.stumbled(question.operation, error)
        return answer_bytes(Answer(question.number, None, refused.code, refused.message))


def _or_end(task: Callable[[], None]) -> None:
    """A thread's work. Without one of its threads this process would keep everybody waiting, so it ends with it."""
    try:
        task()
    except BaseException:  # noqa: BLE001 - whatever it was, it is the end
        _log.exception("the neighbours' %s failed", task.__name__)
        os._exit(1)


def _refusal(question: Question, error: Exception) -> Exception:
    return error if isinstance(error, AwsError | Unreadable) else moto_call.stumbled(question.operation, error)
