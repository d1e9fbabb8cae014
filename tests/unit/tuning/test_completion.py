from __future__ import annotations

from sagewright.tuning.completion import Criteria, converged, over, progress


def test_improvements_of_less_than_a_percent_count_as_none() -> None:
    state = progress([1.0, 0.995, 0.992, 0.5, 0.496])
    assert (state.best, state.not_improving) == (0.496, 1)


def test_small_steps_add_up() -> None:
    assert progress([1.0, 0.995, 0.985]).not_improving == 0


def test_losses_below_zero_improve_downwards_too() -> None:
    assert progress([-1.0, -0.5, -1.005]).not_improving == 2
    assert progress([-1.0, -1.5]).not_improving == 0


def test_without_criteria_or_results_nothing_is_over() -> None:
    assert not over(Criteria(), progress([1.0] * 50), 1)
    assert not over(Criteria(target=1.0, not_improving=3, on_convergence=True), progress([]), 1)


def test_each_criterion_ends_it() -> None:
    assert over(Criteria(target=0.5), progress([0.9, 0.5]), 1)
    assert not over(Criteria(target=0.5), progress([0.9, 0.51]), 1)
    assert over(Criteria(not_improving=3), progress([1.0, 1.0, 1.0, 1.0]), 1)
    assert not over(Criteria(not_improving=3), progress([1.0, 1.0, 1.0]), 1)
    assert over(Criteria(on_convergence=True), progress([1.0] * 11), 1)
    assert not over(Criteria(on_convergence=True), progress([1.0] * 10), 1)


def test_more_ranges_converge_later() -> None:
    assert converged(progress([1.0] * 11), 5)
    assert not converged(progress([1.0] * 11), 8)
