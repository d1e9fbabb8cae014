from __future__ import annotations

from typing import Any

import pytest

from sagewright.tuning.autotune import chosen, jobs, rules
from sagewright.tuning.ranges import parse


def hinted(hint: str, name: str = "a") -> dict[str, Any]:
    ranges, _ = chosen([{"Name": name, "ValueHint": hint}])
    return {kind: found[0] for kind, found in ranges.items() if found}


@pytest.mark.parametrize(
    ("hint", "kind", "low", "high"),
    [
        ("8", "Integer", "2", "32"),
        ("100", "Integer", "25", "400"),
        ("1", "Integer", "1", "4"),
        ("0", "Integer", "0", "10"),
        ("0.01", "Continuous", "0.001", "0.1"),
        ("0.8", "Continuous", "0.4", "1"),
        ("0.0", "Continuous", "0", "1"),
        ("2.5", "Continuous", "0.25", "25"),
    ],
)
def test_a_number_is_searched_around(hint: str, kind: str, low: str, high: str) -> None:
    found = hinted(hint)[f"{kind}ParameterRanges"]
    assert (found["MinValue"], found["MaxValue"]) == (low, high)
    parse({f"{kind}ParameterRanges": [found]})


def test_truth_is_tried_both_ways() -> None:
    assert hinted("true")["CategoricalParameterRanges"]["Values"] == ["true", "false"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("a", '"adam"'),
        ("a", "-1"),
        ("a", "nan"),
        ("seed", "7"),
        ("random-state", "7"),
        ("sagemaker_program", '"train.py"'),
        ("num_class", "3"),
    ],
)
def test_what_says_how_a_job_works_stays(name: str, hint: str) -> None:
    assert hinted(hint, name) == {}
    assert chosen([{"Name": name, "ValueHint": hint}])[1] == {name: hint}


def test_more_ranges_get_more_jobs() -> None:
    assert [jobs(ranges) for ranges in (1, 3, 30)] == [20, 30, 100]


def test_rules_that_are_given_stay() -> None:
    assert rules({"Strategy": "Hyperband"})["TrainingJobEarlyStoppingType"] == "Off"
    told = rules({"Strategy": "Bayesian", "TrainingJobEarlyStoppingType": "Off"})
    assert told["TrainingJobEarlyStoppingType"] == "Off"
    assert told["TuningJobCompletionCriteria"]["ConvergenceDetected"]["CompleteOnConvergence"] == "Enabled"
