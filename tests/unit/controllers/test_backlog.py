"""Who waits, in which order, and for how long."""

from __future__ import annotations

from sagewright.controllers.backlog import Backlog
from sagewright.resources import async_invocation


def named(created: float, ttl: float = 100.0) -> str:
    return async_invocation.name(created, ttl, "t")


def test_the_first_to_come_is_the_first_to_go_however_they_are_added() -> None:
    backlog = Backlog()
    names = [named(3), named(1), named(2)]
    for name in (*names, *names):
        backlog.add(name)
    assert (backlog.waiting, backlog.oldest()) == (3, 1.0)
    assert [backlog.take("a"), backlog.take("a"), backlog.take("b"), backlog.take("b")] == [*sorted(names), None]
    assert (backlog.busy, backlog.size, backlog.waiting, backlog.oldest()) == ({"a": 2, "b": 1}, 3, 0, None)


def test_one_that_is_being_answered_is_not_added_again_and_one_that_was_put_back_keeps_its_place() -> None:
    backlog = Backlog()
    first, second = named(1), named(2)
    backlog.add(first)
    backlog.add(second)
    assert backlog.take("a") == first
    backlog.add(first)
    assert backlog.waiting == 1
    backlog.put_back(first)
    assert (backlog.take("a"), backlog.take("a")) == (first, second)
    backlog.done(first)
    backlog.done(second)
    assert backlog.size == 0


def test_those_that_waited_too_long_are_found_wherever_they_stand_in_line() -> None:
    backlog = Backlog()
    patient, hasty, running = named(1, 1000), named(2, 60), named(0, 10)
    for name in (patient, hasty, running):
        backlog.add(name)
    assert backlog.take("a") == running
    assert backlog.expire(61.9, most=8) == []
    assert backlog.next_end() == 62.0
    assert backlog.expire(62.0, most=8) == [hasty]
    assert backlog.take("a") == patient
    assert backlog.expire(5000, most=8) == []


def test_expiry_comes_in_bounded_portions() -> None:
    backlog = Backlog()
    for number in range(5):
        backlog.add(named(number))
    assert len(backlog.expire(1000, most=3)) == 3
    assert backlog.expire(1000, most=0) == []
    assert len(backlog.expire(1000, most=3)) == 2
