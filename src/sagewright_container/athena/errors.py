"""What a query fails with."""

from __future__ import annotations


class QueryError(Exception):
    """A sentence for who asked; begins with the name that Athena gives such errors."""
