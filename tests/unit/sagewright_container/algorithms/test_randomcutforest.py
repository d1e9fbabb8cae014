"""What Random Cut Forest declares and checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sagewright_container.algorithms import cut_trees
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import validate
from sagewright_container.algorithms.randomcutforest import RANDOM_CUT_FOREST


def checked(**given: str) -> dict[str, Any]:
    values = validate(RANDOM_CUT_FOREST.hyperparameters, {"feature_dim": "2", **given})
    RANDOM_CUT_FOREST.check(values)
    return values


def test_the_defaults_are_aws_s() -> None:
    values = checked()
    assert (values["num_trees"], values["num_samples_per_tree"]) == (100, 256)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("feature_dim", "10001"),
        ("num_trees", "49"),
        ("num_trees", "1001"),
        ("num_samples_per_tree", "2049"),
        ("num_samples_per_tree", "0"),
        ("eval_metrics", '["auc"]'),
        ("eval_metrics", "[accuracy"),
        ("eval_metrics", "accuracy, auc"),
    ],
)
def test_a_wrong_value_is_named(name: str, text: str) -> None:
    with pytest.raises(ClientError, match=name):
        checked(**{name: text})


@pytest.mark.parametrize("text", ['["accuracy"]', "accuracy", "accuracy, precision_recall_fscore"])
def test_metrics_are_a_json_list_or_words(text: str) -> None:
    assert checked(eval_metrics=text)["eval_metrics"] == text


def one_by_one(forest: Any, row: Any) -> float:
    """A row's score as the paper has it: down one tree after the other, with all that is known of each node."""
    nodes, total = forest._arrays, 0.0
    for root in nodes["roots"]:
        node, depth, alive, score = root, 0, 1.0, 0.0
        mass = float(nodes["mass"][root])
        while node >= 0:
            low, high = nodes["low"][node].astype(float), nodes["high"][node].astype(float)
            beyond = float(np.maximum(low - row, 0).sum() + np.maximum(row - high, 0).sum())
            parted = beyond / (beyond + float((high - low).sum())) if beyond else 0.0
            score += alive * parted / (depth + 1)
            alive *= 1 - parted
            if nodes["left"][node] < 0:
                there = float(nodes["mass"][node])
                score += alive * (1 - there / (2 * mass)) / (depth + np.log2(there + 1))
            goes_left = row[nodes["dimension"][node]] <= nodes["cut"][node]
            node, depth = nodes["left" if goes_left else "right"][node], depth + 1
        total += score * np.log2(mass + 1)
    return total / len(nodes["roots"])


@pytest.mark.parametrize(
    ("width", "decimals"), [(1, 1), (3, 0), (20, 6)], ids=["many alike", "some alike", "all apart"]
)
def test_scores_are_those_of_one_row_in_one_tree_after_the_other(width: int, decimals: int) -> None:
    rows = np.random.default_rng(0).normal(size=(300, width)).astype(np.float32).round(decimals)
    forest = cut_trees.grow(rows, 50, 64, seed=0)
    asked = np.concatenate([rows[:20], 3 * rows[20:30], -rows[:5]])
    wanted = [one_by_one(forest, row.astype(float)) for row in asked]
    np.testing.assert_allclose(forest.scores(asked), wanted, rtol=1e-6)


def test_rows_beyond_a_step_are_scored_as_alone() -> None:
    rows = np.random.default_rng(0).normal(size=(2100, 2)).astype(np.float32)
    forest = cut_trees.grow(rows, 50, 256, seed=0)
    found = forest.scores(rows)
    assert found.shape == (2100,)
    for place in (0, 999, 1000, 2099):
        np.testing.assert_allclose(forest.scores(rows[place : place + 1]), found[place : place + 1], rtol=1e-6)


def test_rows_that_are_all_alike_are_usual() -> None:
    forest = cut_trees.grow(np.ones((40, 2), np.float32), 50, 256, seed=0)
    alike, other = forest.scores(np.array([[1, 1], [5, 1]], np.float32))
    assert alike == pytest.approx(0.5)  # 1 - 40 / (2 · 40)
    assert other > 2 * alike


def test_no_rows_have_no_scores() -> None:
    forest = cut_trees.grow(np.eye(2, dtype=np.float32), 50, 256, seed=0)
    assert forest.scores(np.empty((0, 2), np.float32)).shape == (0,)


def test_zero_and_minus_zero_are_alike() -> None:
    forest = cut_trees.grow(np.array([[0, 1], [2, 3], [4, 5]], np.float32), 50, 256, seed=0)
    one, other = forest.scores(np.array([[0, 1], [-0.0, 1]], np.float32))
    assert one == other
