"""Sessions are bounded in time and number."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagewright.dataplane.inference.sessions import CLOSED, OPENED, NoSuchSession, Sessions

HERE = ("1", "us-east-1", "e")
THERE = ("1", "us-east-1", "other")
LATE = "Expires=2030-01-01T00:00:00Z"
AT = 1893456000.0


def opened(*names: str, most: int = 10) -> Sessions:
    sessions = Sessions(most=most)
    for name in names:
        sessions.follow(HERE, f"task-{name}", {OPENED: f"{name}; {LATE}"})
    return sessions


def test_a_session_is_of_its_endpoint_and_ends_in_time() -> None:
    sessions = opened("a")
    assert sessions.task(HERE, "a", AT - 1) == "task-a"
    with pytest.raises(NoSuchSession):
        sessions.task(THERE, "a", AT - 1)
    with pytest.raises(NoSuchSession):
        sessions.task(HERE, "a", AT)


def test_a_container_may_end_it_sooner() -> None:
    sessions = opened("a")
    sessions.follow(HERE, "task-a", {CLOSED: "a"})
    with pytest.raises(NoSuchSession):
        sessions.task(HERE, "a", 0)


def test_the_next_server_knows_them(tmp_path: Path) -> None:
    file = tmp_path / "sessions.json"
    before = Sessions(file)
    before.follow(HERE, "task-a", {OPENED: f"a; {LATE}"})
    before.close()
    after, waiting = Sessions(file), Sessions(file)
    after.begin()
    assert after.task(HERE, "a", 0) == "task-a"
    assert not file.exists()
    waiting.close()  # it never was the one that knows
    before.close()
    assert not file.exists()


def test_the_oldest_give_way() -> None:
    sessions = opened("a", "b", "c", most=2)
    assert [sessions.task(HERE, name, 0) for name in "bc"] == ["task-b", "task-c"]
    with pytest.raises(NoSuchSession):
        sessions.task(HERE, "a", 0)
