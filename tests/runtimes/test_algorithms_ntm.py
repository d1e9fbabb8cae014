"""The Neural Topic Model in its environment: documents of two vocabularies."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

HYPERPARAMETERS = {
    "feature_dim": "8",
    "num_topics": "2",
    "mini_batch_size": "50",
    "optimizer": "adam",
    "learning_rate": "0.05",
}
WORDS = "leaf tree moss fern wave salt ship tide".split()  # noqa: SIM905
UNLABELLED = "text/csv;label_size=0"


def documents(count: int) -> str:
    """The first four words in one document, the last four in the next."""
    numbers = random.Random(0)
    rows = []
    for row in range(count):
        drawn = numbers.choices(range(4), k=30)
        counts = [drawn.count(word) for word in range(4)]
        rows.append([*counts, 0, 0, 0, 0] if row % 2 else [0, 0, 0, 0, *counts])
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


@pytest.fixture(scope="module")
def trained(container: Callable[..., Any]) -> Any:
    made = container("ntm", "pytorch")
    made.job(HYPERPARAMETERS, train=UNLABELLED, validation=UNLABELLED, test=UNLABELLED, auxiliary="text/plain")
    for name, count in (("train", 300), ("validation", 50), ("test", 50)):
        made.write(f"input/data/{name}/part.csv", documents(count))
    made.write("input/data/auxiliary/vocab.txt", "\n".join(WORDS))
    made.done = made.train()
    assert made.done.returncode == 0, made.done.stderr
    return made


def test_the_loss_falls_until_it_hardly_changes(trained: Any) -> None:
    losses = [float(each) for each in re.findall(r"validation total_loss <loss>=(\S+)", trained.done.stdout)]
    assert losses[-1] < losses[0]
    assert len(losses) < 50
    assert re.search(r"test total_loss <loss>=\d", trained.done.stdout)


def test_the_topics_are_told_by_their_words(trained: Any) -> None:
    lines = re.findall(r"^\[\S+, \S+\] (.+)$", trained.done.stdout, re.MULTILINE)
    assert {frozenset(line.split()[:4]) for line in lines} == {frozenset(WORDS[:4]), frozenset(WORDS[4:])}


def test_documents_get_their_topics(trained: Any) -> None:
    with trained.serving() as invoke:
        answer = json.loads(invoke("5,5,5,5,0,0,0,0\n0,0,0,0,5,5,5,5", "text/csv").body)
        one, other = (each["topic_weights"] for each in answer["predictions"])
        assert sum(one) == pytest.approx(1)
        assert one.index(max(one)) != other.index(max(other))
        sparse = {"data": {"features": {"keys": [4, 5], "shape": [8], "values": [10, 10]}}}
        lines = invoke(json.dumps(sparse), "application/jsonlines", "application/jsonlines")
        weights = json.loads(lines.body)["topic_weights"]
        assert weights.index(max(weights)) == other.index(max(other))
        assert invoke("1,-1,0,0,0,0,0,0", "text/csv").status == 400
        assert invoke("1,1", "text/csv").status == 400


def test_py_torch_reads_the_model(trained: Any) -> None:
    code = "import sys, torch; print(*torch.load(sys.argv[1], weights_only=True)['weights']['topics'].shape)"
    assert trained.run("-c", code, str(trained.base / "model/model.pt")).stdout == "2 8\n"


@pytest.mark.parametrize(
    ("train", "words", "reason"),
    [
        ("1,2\n", "a\nb\n", "8 are expected"),
        ("1,1,1,1,1,1,1,-1\n", "a\n", "negative"),
        (documents(4), "a\nb\n", "2 lines"),
    ],
)
def test_bad_data_is_named(container: Callable[..., Any], train: str, words: str, reason: str) -> None:
    made = container("ntm", "pytorch")
    made.job(HYPERPARAMETERS, train=UNLABELLED, auxiliary="text/plain")
    made.write("input/data/train/part.csv", train)
    made.write("input/data/auxiliary/vocab.txt", words)
    assert made.train().returncode == 1
    assert made.failure().startswith("ClientError: ")
    assert reason in made.failure()
