"""What a request can meet: each error is one HTTP answer.

ServingError
├── NoContent           204  nothing was sent, so there is nothing to predict
├── BadRequest          400  the data was read, and the model cannot take it
├── NotAcceptable       406  no form of answer that the caller accepts
├── UnsupportedContent  415  a content type that nobody here reads, or bytes that are not of it
└── UserCodeError       500  the user's functions answered what no server can send

Anything else that a user's function raises is a 500 too, named in the body, with its traceback in the log.
"""

from __future__ import annotations


class ServingError(Exception):
    """The root; `status` is the HTTP status."""

    status = 500


class NoContent(ServingError):
    """An empty request."""

    status = 204


class BadRequest(ServingError):
    """Data that the model refuses."""

    status = 400


class NotAcceptable(ServingError):
    """An Accept header that cannot be met."""

    status = 406


class UnsupportedContent(ServingError):
    """A Content-Type that cannot be read."""

    status = 415


class UserCodeError(ServingError):
    """A user's function that breaks its contract."""
