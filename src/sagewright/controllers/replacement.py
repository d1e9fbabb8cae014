"""When a server that has ended gets a successor, and how soon: the same for model servers, MLflow and notebooks."""

from __future__ import annotations

from typing import Final

from sagewright.compute.base import TaskState

_ATTEMPTS: Final = 4
"""How often one that never answered is started when somebody else ended it before."""
_LONGEST: Final = 60.0
"""Seconds: the longest pause, and how long one must have lasted to count as the first again."""
_BY_OTHERS: Final = (0, 128 + 9, 128 + 15)


def ended_by_others(task: TaskState) -> bool:
    """Whether somebody else ended it (a Ctrl-C of the server, a reboot), not its own fault."""
    return task.phase == "lost" or (task.exit_code in _BY_OTHERS and not task.out_of_memory)


def may_try_again(attempt: int) -> bool:
    """Whether one that others ended before it answered is started once more."""
    return attempt < _ATTEMPTS


def following(attempt: int, *, lasted: float) -> tuple[int, float]:
    """The number of the next attempt after one that lasted for so many seconds, and the pause in seconds before it:
    longer each time it happens soon."""
    number = attempt + 1 if lasted < _LONGEST else 1
    return number, min(2.0 ** (number - 2), _LONGEST) if number > 1 else 0.0
