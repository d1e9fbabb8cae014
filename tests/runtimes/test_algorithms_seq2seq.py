"""Sequence-to-Sequence in its environment: it learns to turn sentences round, word by word translated."""

from __future__ import annotations

import json
import random
import re
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sagewright_container import recordio

WORDS = 8
SPECIAL = ["<pad>", "<unk>", "<s>", "</s>"]
SOURCE = [*SPECIAL, *(f"s{number}" for number in range(WORDS))]
TARGET = [*SPECIAL, *(f"t{number}" for number in range(WORDS))]
HYPERPARAMETERS = {
    "rnn_num_hidden": "64",
    "num_embed_source": "32",
    "num_embed_target": "32",
    "max_seq_len_source": "6",
    "max_seq_len_target": "6",
    "batch_size": "32",
    "learning_rate": "0.01",
    "checkpoint_frequency_num_batches": "60",
    "max_num_epochs": "6",
    "optimized_metric": "bleu",
    "bleu_sample_size": "20",
}
RECORDIO = "application/x-recordio-protobuf"
MATRIX = {"attention_matrix": "true"}


def records(count: int, seed: int) -> bytes:
    """Sentences of a few words; the target is the source backwards, in the other language."""
    chance = random.Random(seed)
    sentences = [[chance.randrange(4, 4 + WORDS) for _ in range(chance.randint(1, 4))] for _ in range(count)]
    return recordio.write_integers([{"source": each, "target": each[::-1]} for each in sentences])


def prepare(made: Any, hyperparameters: dict[str, str], count: int = 1600) -> None:
    made.job(hyperparameters, train=RECORDIO, validation=RECORDIO, vocab="")
    made.write("input/data/train/train.rec", records(count, 0))
    made.write("input/data/validation/val.rec", records(40, 1))
    for name, words in (("src", SOURCE), ("trg", TARGET)):
        vocabulary = {word: number for number, word in enumerate(words)}
        made.write(f"input/data/vocab/vocab.{name}.json", json.dumps(vocabulary))


@pytest.fixture(scope="module")
def trained(container: Callable[..., Any]) -> Any:
    made = container("seq2seq", "pytorch")
    prepare(made, HYPERPARAMETERS)
    made.done = made.train(OMP_NUM_THREADS="1")
    assert made.done.returncode == 0, made.done.stderr
    return made


@pytest.fixture(scope="module")
def invoke(trained: Any) -> Iterator[Any]:
    with trained.serving(OMP_NUM_THREADS="1") as invoke:
        yield invoke


def test_it_learns_and_tells_so(trained: Any) -> None:
    told = re.findall(r"validation bleu <score>=(\S+)", trained.done.stdout)
    assert max(map(float, told)) > 0.7
    assert re.search(r"epoch=1, validation perplexity <loss>=\S+", trained.done.stdout)
    assert re.search(r"epoch=1, validation accuracy <score>=\S+", trained.done.stdout)


def test_sentences_get_sentences(invoke: Any) -> None:
    body = {"instances": [{"data": "s1 s2"}, {"data": "s3 s4 s5", "configuration": {"attention_matrix": "true"}}]}
    answer = invoke(json.dumps(body), "application/json")
    one, other = json.loads(answer.body)["predictions"]
    assert one == {"target": "t2 t1"}
    assert other["target"] == "t5 t4 t3"
    assert [len(row) for row in other["matrix"]] == [3, 3, 3]
    assert sum(other["matrix"][0]) == pytest.approx(1, abs=1e-5)


def test_lines_get_lines(invoke: Any) -> None:
    answer = invoke('{"data": "s1 s2"}\n{"data": "s6"}\n', "application/jsonlines")
    assert [json.loads(line) for line in answer.body.splitlines()] == [{"target": "t2 t1"}, {"target": "t6"}]


def test_many_sentences_are_translated_as_each_alone(invoke: Any) -> None:
    chance = random.Random(3)
    asked = [
        {"data": " ".join(f"s{chance.randrange(WORDS)}" for _ in range(1 + number % 6)), "configuration": MATRIX}
        for number in range(20)
    ]
    together = json.loads(invoke(json.dumps({"instances": asked}), "application/json").body)["predictions"]
    for one, found in zip(asked, together, strict=True):
        alone = json.loads(invoke(json.dumps({"instances": [one]}), "application/json").body)["predictions"][0]
        assert found["target"] == alone["target"]
        for row, wanted in zip(found["matrix"], alone["matrix"], strict=True):
            assert row == pytest.approx(wanted, abs=1e-5)


def test_records_get_records(invoke: Any) -> None:
    body = recordio.write_integers([{"source": [5, 6], "target": []}])
    answer = invoke(body, RECORDIO)
    assert answer.content_type == RECORDIO
    (record,) = recordio.read(answer.body)
    assert list(record.features["target"].values) == [6, 5]


@pytest.mark.parametrize(
    ("body", "content_type", "status", "reason"),
    [
        (json.dumps({"instances": [{"data": ""}]}), "application/json", 400, "Instance 1 has no text"),
        ("{", "application/json", 415, "is not JSON"),
        (b"records", RECORDIO, 415, "cut short"),
        (recordio.write_integers([{"source": [99]}]), RECORDIO, 400, "not in its vocabulary of 12 words"),
        ("s1", "text/csv", 415, "Content type text/csv is not supported"),
    ],
)
def test_wrong_requests(invoke: Any, body: Any, content_type: str, status: int, reason: str) -> None:
    answer = invoke(body, content_type)
    assert answer.status == status
    assert reason in answer.body.decode()


def test_the_model_is_safetensors(trained: Any) -> None:
    data = (trained.base / "model/model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    assert "source.weight" in json.loads(data[8 : 8 + length])


EACH = """
import json, os
from sagewright_container import main
from sagewright_container.algorithms.seq2seq import SEQ2SEQ
base = os.environ["SAGEMAKER_BASE_DIR"]
for values in json.loads(os.environ["EACH"]):
    open(f"{base}/input/config/hyperparameters.json", "w").write(json.dumps(values))
    code = main.main(["train", "seq2seq"])
    (told,) = SEQ2SEQ.load(f"{base}/model").answer([{"data": "s1 what"}], {})
    print("done", code, list(told), flush=True)
"""


def test_every_cell_attention_and_schedule(container: Callable[..., Any]) -> None:
    made = container("seq2seq", "pytorch")
    short = {
        **HYPERPARAMETERS,
        "max_num_batches": "4",
        "checkpoint_frequency_num_batches": "2",
        "bleu_sample_size": "2",
    }
    each = [
        {**short, "rnn_cell_type": "gru", "rnn_attention_type": "dot", "lr_scheduler_type": "fixed_rate_inv_t"},
        {**short, "num_layers_encoder": "2", "num_layers_decoder": "2", "rnn_attention_type": "bilinear"},
        {**short, "rnn_attention_type": "fixed", "rnn_decoder_state_init": "avg", "optimizer_type": "rmsprop"},
        {**short, "rnn_decoder_state_init": "zero", "optimizer_type": "sgd", "momentum": "0.5", "beam_size": "1"},
        {**short, "lr_scheduler_type": "fixed_rate_inv_sqrt_t", "optimized_metric": "accuracy", "rnn_num_hidden": "7"},
    ]
    prepare(made, short, 64)
    done = made.run("-c", EACH, EACH=json.dumps(each), OMP_NUM_THREADS="1")
    assert done.stdout.count("done 0 ['target']") == len(each), done.stderr
