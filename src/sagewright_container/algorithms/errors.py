"""The one error that algorithms raise on purpose."""

from __future__ import annotations


class ClientError(Exception):
    """The caller's to mend: the failure reason begins with "ClientError: " and the exit code is 1."""
