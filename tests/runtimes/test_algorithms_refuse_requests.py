"""What is wrong with a request: every algorithm's server answers with a sentence and a 4xx, whatever it is sent.

A small model of each is trained and asked in one process of its environment.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sagewright_container import recordio
from sagewright_container.algorithms import catalog

CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/jsonlines"
RECORDIO = "application/x-recordio-protobuf"
UNLABELLED = "text/csv;label_size=0"
IMAGES = "application/x-image"

_RUN = """
import importlib, json, os, sys, traceback
from sagewright_container.algorithms import run
from sagewright_container.contract import Contract
from sagewright_container.serving import algorithm
from sagewright_container.serving.base import Request
from sagewright_container.serving.errors import ServingError

def load(name, base):
    if name == "xgboost":
        serving = importlib.import_module("sagewright_container.serving.xgboost_algorithm")
        return serving.AlgorithmHandler(Contract(base).model_dir, {})
    return algorithm.load(Contract(base), name)

answers = []
for name, base, requests in json.loads(sys.argv[1]):
    os.environ["SAGEMAKER_BASE_DIR"] = base
    assert run.train(name) == 0, name
    handler = load(name, base)
    for kind, accept, body in requests:
        try:
            response = handler.handle(Request(bytes.fromhex(body), kind, accept, {}))
            answers.append([name, kind, accept, body, response.status, ""])
        except ServingError as error:
            answers.append([name, kind, accept, body, error.status, str(error)])
        except Exception:
            answers.append([name, kind, accept, body, 500, traceback.format_exc()])
print(json.dumps(answers))
"""

ROWS = b"1,2,3\n0,3,4\n1,4,5\n0,1,2\n" * 5
TRAINED: Mapping[str, tuple[Mapping[str, object], Mapping[str, tuple[str, Mapping[str, bytes]]]]] = {
    "xgboost": ({"num_round": 1}, {"train": (CSV, {"part": ROWS})}),
    "linear-learner": ({"predictor_type": "binary_classifier"}, {"train": (CSV, {"part": ROWS})}),
    "knn": (
        {"feature_dim": 2, "k": 2, "sample_size": 10, "predictor_type": "classifier"},
        {"train": (CSV, {"part": ROWS})},
    ),
    "kmeans": ({"feature_dim": 3, "k": 2}, {"train": (UNLABELLED, {"part": ROWS})}),
    "pca": ({"feature_dim": 3, "num_components": 2}, {"train": (UNLABELLED, {"part": ROWS})}),
    "randomcutforest": ({"feature_dim": 3}, {"train": (UNLABELLED, {"part": ROWS})}),
    "lda": ({"feature_dim": 3, "num_topics": 2}, {"train": (UNLABELLED, {"part": ROWS})}),
    "ntm": ({"feature_dim": 3, "num_topics": 2, "epochs": 1}, {"train": (UNLABELLED, {"part": ROWS})}),
    "lightgbm-classification-model": ({"num_boost_round": 1}, {"train": (CSV, {"part": ROWS})}),
    "catboost-classification-model": ({"iterations": 1}, {"train": (CSV, {"part": ROWS})}),
    "autogluon-classification-ensemble": ({}, {"train": (CSV, {"part": ROWS})}),
    "pytorch-tabtransformerclassification-model": (
        {"n_epochs": 1, "n_blocks": 1, "input_dim": 16},
        {"train": (CSV, {"part": ROWS})},
    ),
    "blazingtext": (
        {"mode": "supervised", "min_count": 1, "buckets": 10, "vector_dim": 4},
        {"train": ("text/plain", {"part": b"__label__a b c\n__label__d e f\n" * 5})},
    ),
    "ipinsights": (
        {"num_entity_vectors": 10, "vector_dim": 4, "epochs": 1},
        {"train": (CSV, {"part": b"a,1.2.3.4\nb,2.3.4.5\n"})},
    ),
    "object2vec": (
        {"enc0_max_seq_len": 4, "enc0_vocab_size": 9, "enc0_network": "pooled_embedding", "epochs": 1}
        | {"enc0_token_embedding_dim": 4, "enc_dim": 4, "mlp_dim": 4},
        {
            "train": (
                JSON_LINES,
                {"part": b'{"label": 1, "in0": [1], "in1": [2]}\n{"label": 0, "in0": [3], "in1": [2]}\n'},
            )
        },
    ),
    "forecasting-deepar": (
        {"time_freq": "M", "context_length": 2, "prediction_length": 2, "epochs": 1, "num_cells": 4},
        {"train": ("json", {"part": b'{"start": "2024-01-01", "target": [1, 2, 3, 4, 5, 6, 7, 8, 9]}\n'})},
    ),
}
BODIES: Sequence[tuple[str, bytes]] = (
    (CSV, b""),
    (CSV, b"\n\n"),
    (CSV, b"red,green,blue"),
    (CSV, b"1,2,3,4,5,6,7,8,9"),
    (CSV, b"1,2\n1,2,3\n"),
    (CSV, b'"1,2'),
    (CSV, b"\xff\xfe\x00"),
    (JSON, b""),
    (JSON, b"{"),
    (JSON, b"7"),
    (JSON, b"null"),
    (JSON, b'"red"'),
    (JSON, b"[[1, [2]]]"),
    (JSON, b'{"instances": 3}'),
    (JSON, b'{"instances": [null]}'),
    (JSON, b'{"instances": [{}, []]}'),
    (JSON, b'{"instances": [{"features": ["red", null, {}]}]}'),
    (JSON, b'{"instances": [{"features": [1]}, {"features": [1, 2, 3, 4]}]}'),
    (JSON, b'{"instances": [{"data": {"features": {"values": [1], "keys": [-1], "shape": [3]}}}]}'),
    (JSON, b'{"instances": [{"data": {"features": {"values": [1], "keys": ["x"], "shape": [3]}}}]}'),
    (JSON, b'{"instances": [{"data": {"features": {"values": [1], "keys": [99999999999999], "shape": ["y"]}}}]}'),
    (JSON, b'{"instances": [{"data": {"features": {"values": [1], "keys": [0], "shape": {}}}}]}'),
    (JSON, b'{"instances": [{"in0": ["x"], "in1": {}}]}'),
    (JSON, b'{"instances": [{"in0": [99999999999999999999], "in1": [1]}]}'),
    (JSON, b'{"instances": [{"start": "spring", "target": "red"}]}'),
    (JSON, b'{"instances": [{"start": "2024-01-01", "target": [1, 2, 3]}], "configuration": {"num_samples": "x"}}'),
    (JSON, b'{"instances": ["red"], "configuration": {"k": "x"}}'),
    (JSON, b'{"instances": ["red"], "configuration": 7}'),
    (JSON, b"[" * 3000),
    (JSON_LINES, b"{\n{"),
    (JSON_LINES, b"1\n2\n"),
    (JSON_LINES, b'{"source": 5}'),
    (JSON_LINES, b'{"features": ["red"]}\n{"features": 3}'),
    (RECORDIO, b"red"),
    (RECORDIO, recordio.frame(b"\x0a\xff")),
    (RECORDIO, recordio.frame(b"")),
    (RECORDIO, recordio.write([{"score": [1.0]}])),
    ("image/png", b"\x89PNG\r\n\x1a\n"),
    ("text/libsvm", b"1 x:y"),
    ("application/x-parquet", b"PAR1"),
    ("red", b"1,2,3"),
    ("", b"red"),
)


def _requests() -> Iterator[tuple[str, str, str]]:
    for kind, body in BODIES:
        yield kind, JSON, body.hex()
    yield CSV, "image/png", b"1,2".hex()


@pytest.fixture(scope="module")
def answers(container: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Sequence[Sequence[Any]]:
    """Of each algorithm and request the status and the sentence."""
    by_environment: dict[str, list[str]] = {}
    for name in TRAINED:
        by_environment.setdefault(catalog.load(name).environment, []).append(name)
    found: list[Any] = []
    for environment, names in by_environment.items():
        told = [(name, _written(tmp_path_factory.mktemp("base"), name), list(_requests())) for name in names]
        done = container("scikit-learn", environment).run("-c", _RUN, json.dumps(told), OMP_NUM_THREADS="1")
        assert done.returncode == 0, done.stderr
        found += json.loads(done.stdout.splitlines()[-1])
    return found


def _written(base: Path, name: str) -> str:
    hyperparameters, channels = TRAINED[name]
    config = base / "input/config"
    config.mkdir(parents=True)
    said = {key: str(value) for key, value in hyperparameters.items()}
    (config / "hyperparameters.json").write_text(json.dumps(said))
    kinds = {channel: {"TrainingInputMode": "File", "ContentType": kind} for channel, (kind, _) in channels.items()}
    (config / "inputdataconfig.json").write_text(json.dumps(kinds))
    for channel, (_, files) in channels.items():
        folder = base / "input/data" / channel
        folder.mkdir(parents=True)
        for file, data in files.items():
            (folder / file).write_bytes(data)
    return str(base)


def test_no_request_makes_a_server_fail(answers: Sequence[Sequence[Any]]) -> None:
    failed = [(name, kind, bytes.fromhex(body), why) for name, kind, _, body, status, why in answers if status >= 500]
    assert not failed, "\n\n".join(f"{name}, {kind}, {body!r}:\n{why}" for name, kind, body, why in failed)


def test_what_is_refused_is_refused_with_a_sentence(answers: Sequence[Sequence[Any]]) -> None:
    refused = [(*each[:4], why) for *each, status, why in answers if 400 <= status < 500]
    assert {name for name, *_ in refused} == set(TRAINED)
    assert [each for each in refused if len(each[4]) < 20] == []
