"""Who has something: on whose behalf a job was started, for fair turns and for the limits of single users."""

from __future__ import annotations

from typing import Final

from sagewright.resources.record import Record

OWNER: Final = "owner"
"""Where the status keeps it."""


def owner(record: Record) -> str:
    """The ARN of the user or role behind a record; '' where that was never noted."""
    return str(record.status.get(OWNER, ""))


def owner_of(arn: str) -> str:
    """The user or role behind a caller. All sessions of a role are one: who may assume it names sessions at will."""
    head, kind, rest = arn.partition(":assumed-role/")
    return f"{head}{kind}{rest.partition('/')[0]}" if kind else arn
