"""ReceiveMessage that waits: moto would wait with all other questions behind it, so it is asked again and again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sagewright.neighbours.frames import Answer, Question
from sagewright.neighbours.host import pickling


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who waits for a message."""

    question: Question
    """To be asked without waiting."""
    until: float
    """Monotonic seconds."""


def waiting(question: Question, now: float) -> Waiting | None:
    """How long to ask; None for a question that is answered at once."""
    if question.operation != "ReceiveMessage":
        return None
    given = question.params.get("WaitTimeSeconds")
    seconds = _queues_own(question) if given is None else given
    if not 0 < seconds <= 20:
        return None
    return Waiting(replace(question, params={**question.params, "WaitTimeSeconds": 0}), now + seconds)


def is_empty(answer: Answer) -> bool:
    """Whether this is what ReceiveMessage gets of an empty queue."""
    return answer.result == {}


def _queues_own(question: Question) -> int:
    backend = pickling.backend("sqs", question.account, question.region)
    queue = backend.queues.get(question.params["QueueUrl"].rpartition("/")[2])  # type: ignore[attr-defined]
    return 0 if queue is None else int(queue.receive_message_wait_time_seconds or 0)
