from __future__ import annotations

import pytest

from sagewright.tuning.ranges import Continuous, Space
from sagewright.tuning.trials import Trial
from sagewright.tuning.warm_start import begins_with, observed

SPACE = Space((Continuous("x", 0, 1),))


def of(parent: str, *losses: float | None) -> list[Trial]:
    return [
        Trial(
            f"{parent}-{n}",
            n,
            {"x": f"0.{n}", "more": "1"},
            "failed" if loss is None else "succeeded",
            loss,
            (),
            parent,
        )
        for n, loss in enumerate(losses, 1)
    ]


def test_with_the_same_data_parents_count_as_they_are() -> None:
    parents = of("a", 5.0, None)
    own = of("", 3.0)
    assert observed("IdenticalDataAndAlgorithm", parents, own) == [parents[0], *own]


def test_of_other_data_only_the_order_counts() -> None:
    parents = [*of("a", 1000.0, 2000.0, 3000.0), *of("b", 0.1, 0.2, 0.3)]
    found = observed("TransferLearning", parents, of("", 7.0, 8.0, 9.0))
    assert [trial.loss for trial in found] == pytest.approx([-1.2247, 0, 1.2247] * 3, abs=1e-3)


def test_own_losses_wait_until_there_are_a_few() -> None:
    found = observed("TransferLearning", of("a", 1.0, 2.0), of("", 7.0))
    assert [(trial.parent, trial.state) for trial in found] == [("a", "succeeded"), ("a", "succeeded"), ("", "pending")]


def test_a_transfer_begins_with_the_best_of_each_parent() -> None:
    found = begins_with(SPACE, [*of("a", 3.0, 1.0, None), *of("b", 0.5, 9.0)])
    assert found == [{"x": "0.2"}, {"x": "0.1"}]
    assert begins_with(SPACE, [Trial("p", 1, {"x": "7"}, "succeeded", 1.0, (), "a")]) == []
