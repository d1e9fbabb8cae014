"""Which of many wishes a target is given."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.dataplane.scaling.deciding import Bounds, Cooldown, Decision, Proposal, Refusal, decide, start_of
from sagewright.resources.scaling import Capacity

NOW = 1000.0
COOL = Cooldown()


def ask(capacity: int, policy: str = "p", *, shrinks: bool = False) -> Proposal:
    return Proposal(policy, f"because of {policy}", capacity, 60.0, 120.0, shrinks)


def decided(*proposals: Proposal, here: int = 3, cooldown: Cooldown = COOL, **suspended: bool) -> Any:
    return decide(proposals, Capacity(here, here), Bounds(1, 6), cooldown, suspended, NOW)


def test_the_highest_wins() -> None:
    decision = decided(ask(4, "a"), ask(5, "b"), ask(1, "c"))
    assert (decision.capacity, decision.proposal.policy, decision.base, decision.cooldown) == (5, "b", 3, 60.0)
    less = decided(ask(1, "a"), ask(2, "b"))
    assert (less.capacity, less.proposal.policy, less.cooldown) == (2, "b", 120.0)


def test_bounds_are_kept() -> None:
    assert decided(ask(60)).capacity == 6
    assert decided(ask(0)).capacity == 1


@pytest.mark.parametrize(
    ("proposal", "here", "reason"),
    [
        (ask(9), 6, {"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 6}),
        (ask(9), 8, {"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 6}),
        (ask(0), 1, {"Code": "AlreadyAtMinCapacity", "MinCapacity": 1}),
        (ask(3), 3, {"Code": "AlreadyAtDesiredCapacity", "CurrentCapacity": 3}),
        (ask(3, shrinks=True), 3, {"Code": "AutoScalingAnticipatedFlapping"}),
    ],
)
def test_reasons_not_to_scale(proposal: Proposal, here: int, reason: dict[str, Any]) -> None:
    refusal = decided(proposal, here=here)
    assert isinstance(refusal, Refusal)
    assert refusal.reasons == [reason]


def test_what_grows_in_a_cooldown_counts_from_before() -> None:
    cooldown = Cooldown(NOW + 1, base=1, out=True)
    assert start_of(Capacity(3, 3), cooldown, NOW) == 1
    assert start_of(Capacity(3, 3), cooldown, NOW + 1) == 3
    assert decided(ask(3), cooldown=cooldown) is None
    decision = decided(ask(4), cooldown=cooldown)
    assert isinstance(decision, Decision)
    assert (decision.capacity, decision.base) == (4, 1)


@pytest.mark.parametrize("out", [True, False])
def test_nothing_shrinks_in_a_cooldown(out: bool) -> None:
    assert decided(ask(1), cooldown=Cooldown(NOW + 1, base=5, out=out)) is None
    assert decided(ask(1), cooldown=Cooldown(NOW, base=5, out=out)).capacity == 1


def test_what_shrank_may_grow_at_once() -> None:
    cooldown = Cooldown(NOW + 1, base=5)
    assert start_of(Capacity(3, 3), cooldown, NOW) == 3
    assert decided(ask(4), cooldown=cooldown).capacity == 4


def test_what_is_suspended_is_not_done() -> None:
    assert decided(ask(5), DynamicScalingOutSuspended=True) is None
    assert decided(ask(1), DynamicScalingInSuspended=True) is None
    assert decided(ask(5), DynamicScalingInSuspended=True).capacity == 5
    assert decided(ask(1), DynamicScalingOutSuspended=True).capacity == 1
