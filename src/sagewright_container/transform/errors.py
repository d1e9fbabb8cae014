"""What can go wrong with a batch transform job: each error says whose fault it is, as AWS's reasons begin."""

from __future__ import annotations


class TransformError(Exception):
    """The root. `kind` is how the job's failure reason begins; `lines` are what the data log says of the object."""

    kind = "ClientError"

    @property
    def lines(self) -> list[str]:
        """For the data log, without the object's name."""
        return [f"{self.kind}: {self}"]


class BadData(TransformError):
    """Data that cannot be split, filtered or joined as the job asks for."""


class BadAnswer(TransformError):
    """The container answered with an error."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.said = body.decode("utf-8", "replace").strip()
        self.kind = "ClientError" if status < 500 else "AlgorithmError"
        super().__init__(f"{status}: {self.said}" if self.said else str(status))

    @property
    def lines(self) -> list[str]:
        """AWS's layout: the status, then what the container said."""
        first = f"ClientError: {self.status}"
        if self.status >= 500:
            first = f"Bad HTTP status received from algorithm: {self.status}"
        return [first, "", "Message:", *self.said.splitlines()]


class NoAnswer(TransformError):
    """The container did not answer."""

    kind = "AlgorithmError"

    @property
    def lines(self) -> list[str]:
        """AWS's words, and what is behind them."""
        return [f"Unable to get response from algorithm: {self}"]


class ServerEnded(NoAnswer):
    """The model's server is gone: there is nobody to send anything to."""
