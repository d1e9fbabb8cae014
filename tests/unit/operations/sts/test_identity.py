"""Who am I, and whose is a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sagewright.testing.world import Client, World


@pytest.fixture
def sts(tmp_path: Path) -> Iterator[Client]:
    world = World.make(tmp_path)
    yield world.client("sts")
    world.close()


def test_root_is_told_that_it_is_root(sts: Client) -> None:
    assert sts.get_caller_identity() == {
        "UserId": "123456789012",
        "Account": "123456789012",
        "Arn": "arn:aws:iam::123456789012:root",
    }


def test_a_key_belongs_to_the_account(sts: Client) -> None:
    assert sts.get_access_key_info(AccessKeyId="AKIAIOSFODNN7EXAMPLE") == {"Account": "123456789012"}
