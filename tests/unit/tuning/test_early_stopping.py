from __future__ import annotations

from collections.abc import Sequence

from sagewright.tuning.early_stopping import Hyperband, below_median
from sagewright.tuning.trials import State, Trial


def trial(number: int, *curve: float, state: State = "pending") -> Trial:
    return Trial(f"job-{number}", number, {}, state, curve[-1] if state == "succeeded" and curve else None, curve)


def ended(*curves: Sequence[float]) -> list[Trial]:
    return [trial(number, *curve, state="succeeded") for number, curve in enumerate(curves, 1)]


BEFORE = ended((1.0, 0.8, 0.6), (1.2, 1.0, 0.8), (1.4, 1.2, 1.0))


def test_who_is_worse_than_the_median_of_running_averages_ends() -> None:
    # Until the second step the averages are 0.9, 1.1 and 1.3.
    assert not below_median(trial(9, 2.0, 1.05), BEFORE)
    assert below_median(trial(9, 1.0, 1.15), BEFORE)


def test_the_rule_waits_until_a_few_have_ended() -> None:
    assert not below_median(trial(9, 9.0), BEFORE[:2])
    assert not below_median(trial(9, 9.0), [*BEFORE[:2], trial(3, 1.0, 0.5)])
    assert not below_median(trial(9), BEFORE)


def test_nobody_is_ended_at_its_last_step() -> None:
    assert not below_median(trial(9, 9.0, 9.0, 9.0), BEFORE)
    assert not below_median(trial(9, 9.0), ended((1.0,), (1.0,), (1.0,)))


def test_rungs_grow_by_three() -> None:
    assert Hyperband(1, 27).rungs == (1, 3, 9)
    assert Hyperband(2, 10).rungs == (2, 6)
    assert Hyperband(1, 2).rungs == (1,)


def test_brackets_take_turns_and_harder_ones_more_often() -> None:
    brackets = [Hyperband(1, 9).bracket(number) for number in range(1, 13)]
    assert brackets.count((1, 3)) == 9
    assert brackets.count((3,)) == 3


def test_one_in_three_goes_on() -> None:
    band = Hyperband(1, 9)
    others = [trial(1, 1.0), trial(2, 2.0)]
    assert band.ends(trial(3, 3.0), others)
    assert band.ends(trial(3, 1.5), others)
    assert not band.ends(trial(3, 0.5), others)
    assert not band.ends(trial(2, 3.0), [trial(1, 1.0)]), "two are too few to judge"


def test_between_rungs_nobody_is_judged_anew() -> None:
    band = Hyperband(1, 9)
    others = [trial(1, 1.0, 0.1), trial(2, 2.0, 0.1)]
    assert not band.ends(trial(3, 0.5, 9.0), others)


def test_a_job_that_goes_beyond_the_most_is_ended() -> None:
    band = Hyperband(1, 3)
    assert not band.ends(trial(1, 1.0, 1.0, 1.0), [])
    assert band.ends(trial(1, 1.0, 1.0, 1.0, 1.0), [])


def test_before_the_least_nobody_is_judged() -> None:
    band = Hyperband(4, 12)
    others = [trial(1, 1.0, 1.0, 1.0, 1.0), trial(2, 1.0, 1.0, 1.0, 1.0)]
    assert not band.ends(trial(3, 9.0, 9.0, 9.0), others)
    assert band.ends(trial(3, 9.0, 9.0, 9.0, 9.0), others)
