"""What each strategy proposes; on known surfaces, with seeds that are fixed."""

from __future__ import annotations

import statistics
import subprocess
import sys

import pytest

from sagewright.tuning.ranges import Categorical, Continuous, Integer, Space
from sagewright.tuning.strategies import STRATEGIES
from sagewright.tuning.trials import Trial

from .surfaces import BRANIN_SPACE, HARTMANN_SPACE, Surface, best, branin, hartmann, search

MIXED = Space(
    (Integer("n", 1, 64, "Logarithmic"), Continuous("x", 0.01, 1, "Logarithmic"), Categorical("k", ("a", "b")))
)
SEEDS = range(5)


@pytest.mark.parametrize(("space", "surface"), [(BRANIN_SPACE, branin), (HARTMANN_SPACE, hartmann)])
@pytest.mark.parametrize("parallel", [1, 4])
def test_bayesian_search_beats_chance(space: Space, surface: Surface, parallel: int) -> None:
    def median(strategy: str) -> float:
        runs = [search(strategy, space, surface, jobs=30, seed=seed, parallel=parallel) for seed in SEEDS]
        return statistics.median(best(run) for run in runs)

    assert median("Bayesian") < median("Random")


@pytest.mark.parametrize("strategy", ["Random", "Bayesian", "Hyperband"])
def test_a_seed_makes_a_search_repeatable(strategy: str) -> None:
    def values(seed: int) -> list[dict[str, str]]:
        return [dict(t.values) for t in search(strategy, BRANIN_SPACE, branin, jobs=15, seed=seed)]

    assert values(1) == values(1)
    assert values(1) != values(2)


@pytest.mark.parametrize(("strategy", "jobs"), [("Random", 20), ("Bayesian", 20), ("Bayesian", 75)])
def test_one_that_is_made_anew_proposes_what_the_first_would_have(strategy: str, jobs: int) -> None:
    trials = search(strategy, BRANIN_SPACE, branin, jobs=jobs, seed=3)
    anew = STRATEGIES.load(strategy)(BRANIN_SPACE, 3)
    assert anew.propose(trials[:-1], jobs) == trials[-1].values


@pytest.mark.parametrize("strategy", ["Random", "Bayesian"])
def test_values_lie_in_their_ranges(strategy: str) -> None:
    searcher = STRATEGIES.load(strategy)(MIXED, 5)
    trials: list[Trial] = []
    for number in range(1, 31):
        values = searcher.propose(trials, number)
        assert values is not None
        assert MIXED.positions(values) is not None
        trials.append(Trial(str(number), number, values, "succeeded", float(values["x"])))
    assert {trial.values["k"] for trial in trials} == {"a", "b"}


@pytest.mark.parametrize("strategy", ["Random", "Bayesian", "Grid"])
def test_nothing_is_tried_twice(strategy: str) -> None:
    space = Space((Categorical("a", ("x", "y", "z")), Categorical("b", tuple("0123"))))
    searcher = STRATEGIES.load(strategy)(space, 1)
    trials: list[Trial] = []
    for number in range(1, 13):
        values = searcher.propose(trials, number)
        assert values is not None
        trials.append(Trial(str(number), number, values, "succeeded", float(values["b"])))
    assert len({tuple(trial.values.items()) for trial in trials}) == 12
    assert searcher.propose(trials, 13) is None


def test_a_grid_goes_in_order() -> None:
    space = Space((Categorical("a", ("x", "y")), Categorical("b", ("1", "2"))))
    searcher = STRATEGIES.load("Grid")(space, 1)
    assert searcher.propose([], 1) == {"a": "x", "b": "1"}
    assert searcher.propose([Trial("j", 1, {"a": "x", "b": "1"}, "failed")], 2) == {"a": "x", "b": "2"}


def test_bayesian_search_bears_failures_and_parents_outside_its_ranges() -> None:
    parents = [
        Trial(f"p{n}", n, {"x": str(n), "y": str(n)}, "succeeded", float(n), parent="before") for n in range(5, 20)
    ]
    searcher = STRATEGIES.load("Bayesian")(BRANIN_SPACE, 1)
    trials = [*parents, *(Trial(f"f{n}", n, {"x": "0.5", "y": str(n)}, "failed") for n in range(1, 9))]
    for number in range(9, 15):
        values = searcher.propose(trials, number)
        assert values is not None
        assert BRANIN_SPACE.positions(values) is not None
        trials.append(Trial(f"j{number}", number, values))


def test_parents_of_the_same_data_help_from_the_first_job_on() -> None:
    parents = [
        Trial(f"p{t.number}", t.number, t.values, "succeeded", t.loss, parent="before")
        for t in search("Bayesian", HARTMANN_SPACE, hartmann, jobs=40, seed=11)
    ]
    warm = [best(search("Bayesian", HARTMANN_SPACE, hartmann, jobs=10, seed=s, first=parents)) for s in SEEDS]
    cold = [best(search("Bayesian", HARTMANN_SPACE, hartmann, jobs=10, seed=s)) for s in SEEDS]
    assert statistics.median(warm) < statistics.median(cold) - 0.3


def test_bayesian_search_bears_any_ranges_and_losses() -> None:
    space = Space(
        (
            Integer("a", -(2**53), 2**53),
            Integer("b", 1, 2**53, "Logarithmic"),
            Continuous("c", -1e308, 1e308),
            Continuous("d", 1e-300, 1e300, "Logarithmic"),
            Categorical("e", ("only",)),
        )
    )
    searcher = STRATEGIES.load("Bayesian")(space, 1)
    trials: list[Trial] = []
    for number in range(1, 75):
        values = searcher.propose(trials, number)
        assert values is not None
        assert space.positions(values) is not None
        trials.append(Trial(str(number), number, values, "succeeded", 1e308 if number % 2 else -1e308))


def test_bayesian_search_bears_a_surface_without_slope() -> None:
    trials = search("Bayesian", BRANIN_SPACE, lambda at: 1.0, jobs=15, seed=1)
    assert len({tuple(trial.values.items()) for trial in trials}) == 15


def test_bayesian_search_comes_near_the_best() -> None:
    found = [best(search("Bayesian", BRANIN_SPACE, branin, jobs=30, seed=seed)) for seed in range(4)]
    assert statistics.median(found) < 0.42, "its minimum is 0.398"


def test_optuna_is_not_loaded_with_the_server() -> None:
    program = "import sys, sagewright.compose; sys.exit('optuna' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
