"""The errors of Sagewright, drawn as one tree.

SagewrightError
├── AwsError             what a client sees: AWS's code, HTTP status, a sentence that helps
├── Fault                something of ours failed; the message is for the user who waits for it
│   ├── Transient        try again later: nothing is decided yet
│   └── Terminal         trying again will not help; the record fails with this message
├── StaleRecord          a write named a version that is no longer the newest: read again, decide again
├── AlreadyExists        a record of that key is there
└── InvalidTransition    a lifecycle was asked for a step that it does not have

Foreign exceptions become one of these at the border where they are caught, with `from`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class SagewrightError(Exception):
    """The root of all errors that Sagewright raises on purpose."""


class AwsError(SagewrightError):
    """An answer that a client will read, in AWS's words.

    `fields` are the modelled members of the error shape beyond its message (`OriginalStatusCode`, …).
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        fields: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields: Mapping[str, Any] = fields or {}
        self.headers: Mapping[str, str] = headers or {}


def validation_error(message: str) -> AwsError:
    """The error AWS's JSON services give for nearly everything that a caller got wrong."""
    return AwsError("ValidationException", message)


class Fault(SagewrightError):
    """Work that failed. The message ends in a `FailureReason` or a log line, so it is a whole sentence."""


class Transient(Fault):
    """Nothing is decided: the controller backs off and looks again."""


class Terminal(Fault):
    """Trying again will not help: the record fails with this message."""


class StaleRecord(SagewrightError):
    """Somebody wrote the record since it was read."""


class AlreadyExists(SagewrightError):
    """A record of that key is there already."""


class InvalidTransition(SagewrightError):
    """A lifecycle was asked for a step that its table does not list."""
