"""IP Insights in its environment: people who work from two networks."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

HYPERPARAMETERS = {
    "num_entity_vectors": "200",
    "vector_dim": "16",
    "epochs": "30",
    "learning_rate": "0.02",
    "mini_batch_size": "200",
}


def logins(seed: int) -> str:
    """Those with even numbers come from 10.*, the others from 192.168.*."""
    numbers = random.Random(seed)
    lines = []
    for _ in range(1000):
        who = numbers.randrange(40)
        network = f"192.168.{numbers.randrange(4)}" if who % 2 else f"10.7.{numbers.randrange(4)}"
        lines.append(f"user{who},{network}.{numbers.randrange(256)}\n")
    return "".join(lines)


@pytest.fixture(scope="module")
def trained(container: Callable[..., Any]) -> Any:
    made = container("ipinsights", "pytorch")
    made.job(HYPERPARAMETERS, train="text/csv", validation="text/csv")
    made.write("input/data/train/part.csv", logins(0))
    made.write("input/data/validation/part.csv", logins(1))
    made.done = made.train()
    assert made.done.returncode == 0, made.done.stderr
    return made


def test_true_pairs_are_told_from_random_ones(trained: Any) -> None:
    scores = re.findall(r"validation discriminator_auc <score>=(\S+)", trained.done.stdout)
    assert len(scores) == 30
    assert float(scores[-1]) > 0.95


def test_every_form_of_request_and_answer(trained: Any) -> None:
    with trained.serving() as invoke:
        answer = json.loads(invoke("user2, 10.7.1.9\nuser2, 192.168.1.9\n", "text/csv").body)
        usual, odd = (each["dot_product"] for each in answer["predictions"])
        assert usual > 0 > odd
        pair = {"features": ["user2", "10.7.1.9"]}
        deeper = {"data": {"features": {"values": pair["features"]}}}
        both = json.loads(invoke(json.dumps({"instances": [pair, deeper]}), "application/json").body)
        assert [each["dot_product"] for each in both["predictions"]] == pytest.approx([usual, usual], rel=1e-4)
        lines = invoke(f"{json.dumps(deeper)}\n", "application/jsonlines", "application/jsonlines; verbose=True")
        told = json.loads(lines.body)
        product = sum(one * other for one, other in zip(told["ip_embedding"], told["entity_embedding"], strict=True))
        assert product == pytest.approx(usual, rel=1e-3)
        for body in ("user2,nowhere", "alone", "a,b,c"):
            assert invoke(body, "text/csv").status == 400, body
        for body in ("", "[1]", '{"instances": [1]}', '{"instances": [{"features": [1, 2]}]}'):
            assert invoke(body, "application/json").status == 400, body
        assert invoke("", "application/x-recordio-protobuf").status == 415


def test_py_torch_reads_the_model(trained: Any) -> None:
    code = "import sys, torch; print(*torch.load(sys.argv[1], weights_only=True)['weights']['entity.weight'].shape)"
    assert trained.run("-c", code, str(trained.base / "model/model.pt")).stdout == "200 16\n"
