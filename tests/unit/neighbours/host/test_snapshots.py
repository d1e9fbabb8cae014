"""The file of snapshots."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sagewright.neighbours.host.snapshots import Snapshot, Snapshots, Unit, Unreadable

UNIT = Unit("kms", "123456789012", "us-east-1")
KEPT = Snapshot(["kms"], b"state")


def opened(folder: Path, *, moto: str = "5", server: str = "one") -> Snapshots:
    return Snapshots(folder / "neighbours.db", moto=moto, server=server)


def test_what_is_committed_is_there_for_the_next(tmp_path: Path) -> None:
    opened(tmp_path).commit({UNIT: KEPT}, {}, settled=1)
    again = opened(tmp_path)
    assert again.read(UNIT) == KEPT
    assert again.units() == [UNIT]
    assert again.read(Unit("sqs", "123456789012", "us-east-1")) is None


def test_an_answer_is_known_until_it_is_settled_or_the_server_is_another(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.commit({UNIT: KEPT}, {7: b"seven", 8: b"eight"}, settled=7)
    assert file.answer(7) == b"seven"
    file.commit({UNIT: KEPT}, {}, settled=8)
    assert (file.answer(7), file.answer(8)) == (None, b"eight")
    assert opened(tmp_path, server="two").answer(8) is None


def test_a_commit_that_fails_leaves_all_as_it_was(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.commit({UNIT: KEPT}, {}, settled=1)
    with pytest.raises(sqlite3.Error):
        file.commit({UNIT: Snapshot(["kms"], b"new")}, {1: object()}, settled=1)  # type: ignore[dict-item]
    assert file.read(UNIT) == KEPT


def test_what_another_moto_wrote_is_refused_by_name(tmp_path: Path) -> None:
    opened(tmp_path, moto="4").commit({UNIT: KEPT}, {}, settled=1)
    with pytest.raises(Unreadable, match=r"kms in us-east-1 in .*neighbours\.db was written by moto 4"):
        opened(tmp_path, moto="5").read(UNIT)
    assert opened(tmp_path, moto="4").read(UNIT) == KEPT
