"""ReceiveMessage that waits: moto would wait with all other questions behind it, so it is asked again and again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from sagewright.neighbours.frames import Answer, Question

_WAIT: Final = "ReceiveMessageWaitTimeSeconds"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who waits for a message."""

    question: Question
    """To be asked without waiting."""
    until: float
    """Monotonic seconds."""


def waiting(question: Question, ask: Callable[[Question], Answer], now: float) -> Waiting | None:
    """How long to ask; None for a question that is answered at once. `ask` tells how long a queue itself waits."""
    if question.operation != "ReceiveMessage":
        return None
    given = question.params.get("WaitTimeSeconds")
    seconds = _queues_own(question, ask) if given is None else given
    if not 0 < seconds <= 20:
        return None
    return Waiting(replace(question, params={**question.params, "WaitTimeSeconds": 0}), now + seconds)


def is_empty(question: Question, answer: Answer) -> bool:
    """Whether a queue was looked into that holds nothing to be seen."""
    return question.operation == "ReceiveMessage" and answer.result == {}


def _queues_own(question: Question, ask: Callable[[Question], Answer]) -> int:
    params = {"QueueUrl": question.params["QueueUrl"], "AttributeNames": [_WAIT]}
    answer = ask(replace(question, operation="GetQueueAttributes", params=params))
    return int((answer.result or {}).get("Attributes", {}).get(_WAIT, 0))
