"""What all boto3 tests share: a client, and a bucket of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest


@pytest.fixture(scope="session")
def s3() -> Any:
    return boto3.client("s3")


@pytest.fixture
def box(s3: Any, unique: Callable[[str], str]) -> str:
    """An empty bucket for one test."""
    name = unique("box")
    s3.create_bucket(Bucket=name)
    return name
