"""Object2Vec in its environment: it learns which sequences go together."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

HYPERPARAMETERS = {
    "enc0_max_seq_len": "6",
    "enc0_vocab_size": "20",
    "enc0_network": "pooled_embedding",
    "enc0_token_embedding_dim": "16",
    "enc_dim": "16",
    "mlp_dim": "32",
    "mlp_activation": "relu",
    "epochs": "8",
    "learning_rate": "0.01",
    "mini_batch_size": "32",
}


def pairs(count: int, seed: int) -> str:
    """Tokens below 10 belong together, and so do those above."""
    chance = random.Random(seed)
    text = ""
    for _ in range(count):
        sides = [chance.randrange(2), chance.randrange(2)]
        first, second = ([chance.randrange(10) + 10 * side for _ in range(chance.randint(1, 6))] for side in sides)
        text += json.dumps({"label": int(sides[0] == sides[1]), "in0": first, "in1": second}) + "\n"
    return text


@pytest.fixture(scope="module")
def trained(container: Callable[..., Any]) -> Any:
    made = container("object2vec", "pytorch")
    made.job(HYPERPARAMETERS, train="application/jsonlines", validation="", test="")
    for seed, channel in enumerate(("train", "validation", "test")):
        made.write(f"input/data/{channel}/pairs.jsonl", pairs(600 if channel == "train" else 100, seed))
    made.done = made.train()
    assert made.done.returncode == 0, made.done.stderr
    return made


@pytest.fixture(scope="module")
def invoke(trained: Any) -> Iterator[Any]:
    with trained.serving(INFERENCE_PREFERRED_MODE="embedding") as invoke:
        yield invoke


def test_it_learns_and_tells_so(trained: Any) -> None:
    (accuracy,) = re.findall(r"#quality_metric: host=algo-1, test accuracy <score>=(\S+)", trained.done.stdout)
    assert float(accuracy) > 0.9
    assert re.search(r"epoch=0, validation cross_entropy <loss>=\S+", trained.done.stdout)


def test_pairs_get_scores(invoke: Any) -> None:
    body = {"instances": [{"in0": [1, 2], "in1": [3]}, {"in0": [1, 2], "in1": [13, 14, 15]}]}
    together, apart = json.loads(invoke(json.dumps(body), "application/json").body)["predictions"]
    assert sum(together["scores"]) == pytest.approx(1, abs=1e-5)
    assert together["scores"][1] > 0.5 > apart["scores"][1]


def test_one_side_gets_its_encoding(invoke: Any) -> None:
    lines = '{"in1": [1, 2, 3, 4]}\n{"in1": [1, 2]}\n'
    answer = invoke(lines, "application/jsonlines; infer_max_seqlens=2,2")
    assert answer.content_type == "application/jsonlines"
    one, other = (json.loads(line)["embeddings"] for line in answer.body.splitlines())
    assert len(one) == 16
    assert one == pytest.approx(other)  # the first is cut to two tokens


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"instances": [{"in0": [20], "in1": [1]}]}, 400, "Instance 1: in0 holds 20"),
        ({"instances": [{"in0": [1]}, {"in1": [1]}]}, 400, "every instance needs in0 and in1"),
        ({"instances": [{}]}, 400, "every instance needs in0 and in1"),
        ({"data": []}, 415, "instances"),
    ],
)
def test_wrong_requests(invoke: Any, body: Any, status: int, reason: str) -> None:
    answer = invoke(json.dumps(body), "application/json")
    assert answer.status == status
    assert reason in answer.body.decode()


EACH = """
import json, os
from sagewright_container import main
from sagewright_container.algorithms.object2vec import OBJECT2VEC
base = os.environ["SAGEMAKER_BASE_DIR"]
for values in json.loads(os.environ["EACH"]):
    open(f"{base}/input/config/hyperparameters.json", "w").write(json.dumps(values))
    code = main.main(["train", "object2vec"])
    model = OBJECT2VEC.load(f"{base}/model")
    (scored,) = model.answer([{"in0": [1], "in1": [2, 3]}], {})
    print("done", code, len(scored["scores"]), flush=True)
"""


def test_every_network_optimizer_and_output(container: Callable[..., Any]) -> None:
    made = container("object2vec", "pytorch")
    short = {**HYPERPARAMETERS, "epochs": "1"}
    each = [
        {**short, "enc0_network": "hcnn", "enc0_layers": "2", "optimizer": "rmsprop", "comparator_list": "concat"},
        {**short, "enc0_network": "bilstm", "enc1_network": "hcnn", "enc_dim": "7", "optimizer": "adadelta"},
        {**short, "output_layer": "mean_squared_error", "negative_sampling_rate": "2", "optimizer": "sgd"},
        {**short, "tied_token_embedding_weight": "True", "token_embedding_storage_type": "row_sparse"},
        {**short, "mlp_layers": "0", "num_classes": "3", "optimizer": "adagrad", "dropout": "0.5"},
        {**short, "enc0_pretrained_embedding_file": "words.txt", "enc0_vocab_file": "words.json"},
    ]
    made.job(short, train="", auxiliary="")
    made.write("input/data/train/pairs.jsonl", pairs(40, 0))
    made.write("input/data/auxiliary/words.txt", "one " + " ".join(["0.5"] * 16) + "\n")
    made.write("input/data/auxiliary/words.json", '{"one": 1}')
    done = made.run("-c", EACH, EACH=json.dumps(each))
    found = re.findall(r"done (\d) (\d)", done.stdout)
    assert found == [("0", "2"), ("0", "2"), ("0", "1"), ("0", "2"), ("0", "3"), ("0", "2")], done.stderr
