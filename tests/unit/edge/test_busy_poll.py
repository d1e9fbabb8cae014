"""Who asks at once is waited for with the loop awake, for a moment; nobody else is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from sagewright.edge.busy_poll import MOMENT_S, BusyPoll


class Turns:
    """A loop of which only what is called soon is known, and a clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.soon: list[Callable[[], object]] = []

    def call_soon(self, callback: Callable[[], object]) -> None:
        self.soon.append(callback)

    def turn(self, later: float = 0.0) -> bool:
        """Whether the loop went on turning."""
        self.now += later
        due, self.soon = self.soon, []
        for each in due:
            each()
        return bool(self.soon)


@pytest.fixture
def turns() -> Turns:
    return Turns()


def polling(turns: Turns, processors: int = 2) -> BusyPoll:
    loop = cast(asyncio.AbstractEventLoop, turns)  # it calls nothing else of a loop
    return BusyPoll(loop, clock=lambda: turns.now, processors=processors)


class TestBusyPoll:
    def test_a_client_that_asks_at_once_is_waited_for_for_a_moment(self, turns: Turns) -> None:
        poll = polling(turns)
        answered = poll.answered(again=False)
        assert not turns.soon
        turns.now += MOMENT_S / 2
        again = poll.asked(answered)
        assert again
        poll.answered(again=again)
        assert turns.turn(MOMENT_S / 2)
        assert not turns.turn(MOMENT_S)

    def test_a_client_that_thinks_is_not(self, turns: Turns) -> None:
        poll = polling(turns)
        answered = poll.answered(again=False)
        turns.now += 2 * MOMENT_S
        assert not poll.asked(answered)
        poll.answered(again=False)
        assert not turns.soon

    def test_it_ends_when_a_request_comes(self, turns: Turns) -> None:
        poll = polling(turns)
        answered = poll.answered(again=True)
        assert turns.turn()
        poll.asked(answered)
        assert not turns.turn()

    def test_several_clients_do_not_make_it_turn_more_often(self, turns: Turns) -> None:
        poll = polling(turns)
        poll.answered(again=True)
        poll.answered(again=True)
        assert len(turns.soon) == 1

    def test_with_one_processor_it_lets_the_client_have_it(self, turns: Turns) -> None:
        poll = polling(turns, processors=1)
        poll.answered(again=True)
        assert not turns.soon

    def test_a_loop_that_polls_does_other_work_too(self) -> None:
        async def work() -> str:
            BusyPoll(asyncio.get_running_loop(), processors=2).answered(again=True)
            return await asyncio.wait_for(asyncio.sleep(0, "done"), 10)

        assert asyncio.run(work()) == "done"
