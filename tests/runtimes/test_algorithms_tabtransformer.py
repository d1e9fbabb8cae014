"""TabTransformer as a built-in algorithm: classes and numbers, categories, the model outside."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest

CLASSIFICATION = "pytorch-tabtransformerclassification-model"
REGRESSION = "pytorch-tabtransformerregression-model"
SMALL = {"input_dim": "16", "n_blocks": "1", "batch_size": "32", "learning_rate": "0.005"}


def _csv(rows: list[list[Any]]) -> str:
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


@pytest.fixture(scope="module")
def colours(coloured: Callable[..., Any]) -> Any:
    return coloured(CLASSIFICATION, "pytorch", **SMALL, n_epochs="12")


def test_epochs_are_told_so_that_the_published_expression_finds_them(colours: Any) -> None:
    found = re.findall(r"metrics={'accuracy': (\S+)}", colours.said)
    assert len(found) == 12
    assert float(found[-1]) > 0.9


def test_classes_have_probabilities_and_labels(colours: Any) -> None:
    with colours.serving() as invoke:
        answer = invoke("red,0\nblue,0\nblue,1\ngreen,\n", "text/csv", "application/json;verbose")
    told = json.loads(answer.body)
    assert told["labels"] == [1, 5, 9]
    assert told["predicted_label"][:3] == [1, 5, 9]
    assert [sum(row) for row in told["probabilities"]] == pytest.approx([1, 1, 1, 1])


def test_numbers_are_predicted(container: Callable[..., Any], housing: list[list[float]]) -> None:
    made = container(REGRESSION, "pytorch")
    made.job({**SMALL, "n_epochs": "20", "mlp_dropout": "0"}, train="text/csv", validation="text/csv")
    made.write("input/data/train/data.csv", _csv(housing[::2]))
    made.write("input/data/validation/data.csv", _csv(housing[1::2]))
    done = made.train()
    assert done.returncode == 0, done.stderr
    assert float(re.findall(r"metrics={'r2': (\S+)}", done.stdout)[-1]) > 0.6
    with made.serving() as invoke:
        predicted = json.loads(invoke(_csv([row[1:] for row in housing[:20]]), "text/csv").body)["prediction"]
    assert sum(abs(said - row[0]) for said, row in zip(predicted, housing, strict=False)) / 20 < 5


def test_a_stopped_job_leaves_the_best_epoch(container: Callable[..., Any], housing: list[list[float]]) -> None:
    made = container(REGRESSION, "pytorch")
    made.job({**SMALL, "n_epochs": "100000", "patience": "60"}, train="text/csv")
    made.write("input/data/train/data.csv", _csv(housing))
    with made.started("train") as process:
        for line in process.stdout:
            if line.startswith("epoch 2/"):
                process.send_signal(signal.SIGTERM)
                break
        process.stdout.read()
        assert process.wait(60) == 0
    code = "import sys, torch; print(sorted(torch.load(sys.argv[1], weights_only=True)))"
    assert made.run("-c", code, str(made.base / "model/model.pt")).stdout == "['shape', 'weights']\n"
