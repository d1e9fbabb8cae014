"""Neighbours on a folder of one's own, in their own process as in real life."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sagewright.neighbours.client import Neighbours

WHERE = {"account": "123456789012", "region": "us-east-1"}
Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def neighbours(tmp_path: Path) -> Iterator[Neighbours]:
    made = Neighbours(tmp_path)
    yield made
    made.close()


@pytest.fixture
def ask(neighbours: Neighbours) -> Ask:
    """`ask("kms", "CreateKey", Description=…)`."""

    def asked(service: str, operation: str, **params: Any) -> dict[str, Any]:
        return neighbours.ask(service, operation, params, **WHERE)

    return asked
