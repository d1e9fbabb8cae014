"""The XGBoost image: the built-in algorithm, its server, and script mode."""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from sagewright_container import recordio

REGRESSION = {"num_round": "20", "eta": "0.3", "max_depth": "4", "objective": "reg:squarederror", "seed": "1"}


def _csv(rows: list[list[float]]) -> str:
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


def _libsvm(rows: list[list[float]]) -> str:
    pairs = (" ".join(f"{column}:{value}" for column, value in enumerate(row[1:])) for row in rows)
    return "".join(f"{row[0]} {rest}\n" for row, rest in zip(rows, pairs, strict=True))


def _recordio(rows: list[list[float]]) -> bytes:
    """Dense float32 records with a label, written by hand as SageMaker's SDK writes them."""

    def field(number: int, content: bytes) -> bytes:
        size = bytes([len(content)]) if len(content) < 128 else bytes([len(content) & 127 | 128, len(content) >> 7])
        return bytes([number << 3 | 2]) + size + content

    def entry(number: int, values: list[float]) -> bytes:
        tensor = field(1, struct.pack(f"<{len(values)}f", *values))
        return field(number, field(1, b"values") + field(2, field(2, tensor)))

    out = b""
    for row in rows:
        payload = entry(1, row[1:]) + entry(2, row[:1])
        out += struct.pack("<II", recordio.MAGIC, len(payload)) + payload + bytes(-len(payload) % 4)
    return out


@pytest.fixture
def trained(xgboost: Any, housing: list[list[float]]) -> Any:
    xgboost.job(REGRESSION, train="text/csv", validation="csv")
    xgboost.write("input/data/train/part-0.csv", _csv(housing[:200]))
    xgboost.write("input/data/train/deeper/part-1.csv", _csv(housing[200:400]))
    xgboost.write("input/data/train/_SUCCESS", "")
    xgboost.write("input/data/validation/part-0.csv", _csv(housing[400:]))
    done = xgboost.train()
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    assert len(lines) == 20
    assert re.fullmatch(r"\[0\]\ttrain-rmse:\d+\.\d{5}\tvalidation-rmse:\d+\.\d{5}", lines[0])
    assert float(lines[-1].rpartition(":")[2]) < float(lines[0].rpartition(":")[2])
    return xgboost


@pytest.fixture
def invoke(trained: Any) -> Iterator[Any]:
    with trained.serving() as invoke:
        yield invoke


def test_any_xgboost_loads_the_model(trained: Any) -> None:
    code = "import sys, xgboost; print(xgboost.Booster(model_file=sys.argv[1]).num_boosted_rounds())"
    done = trained.run("-W", "ignore", "-c", code, str(trained.base / "model/xgboost-model"))
    assert done.stdout == "20\n"


def test_every_form_of_answer(invoke: Any, housing: list[list[float]]) -> None:
    rows = _csv([row[1:] for row in housing[:2]])
    answer = invoke(rows, "text/csv")
    assert (answer.status, answer.content_type) == (200, "text/csv")
    scores = [float(cell) for cell in answer.body.split(b",")]
    assert scores == pytest.approx([24.0, 21.6], abs=3)
    assert json.loads(invoke(rows, "text/csv", "application/json").body) == {
        "predictions": [{"score": score} for score in scores]
    }
    lines = invoke(rows, "text/csv", "application/jsonlines").body.splitlines()
    assert [json.loads(line)["score"] for line in lines] == scores
    records = list(recordio.read(invoke(rows, "text/csv", "application/x-recordio-protobuf").body))
    assert [record.label["score"].values[0] for record in records] == pytest.approx(scores)


def test_every_form_of_data_means_the_same(invoke: Any, housing: list[list[float]]) -> None:
    expected = invoke(_csv([row[1:] for row in housing[:2]]), "text/csv").body
    # Absent in sparse data is "missing", so only rows without zeros mean the same in all forms.
    full = [[row[0], *(value or 0.001 for value in row[1:])] for row in housing[:2]]
    same = invoke(_csv([row[1:] for row in full]), "text/csv").body
    assert invoke(_libsvm(full), "text/libsvm").body == same
    assert invoke(_recordio(housing[:2]), "application/x-recordio-protobuf").body == expected
    assert invoke(json.dumps([row[1:] for row in housing[:2]]), "application/json").body == expected
    assert b"," not in invoke(_csv([housing[0][1:]]), "text/csv").body


def test_wrong_requests(invoke: Any, housing: list[list[float]]) -> None:
    row = _csv([housing[0][1:]])
    assert invoke("", "text/csv").status == 204
    assert invoke(row, "image/png").status == 415
    assert invoke("a,b,c", "text/csv").status == 415
    assert invoke(row, "text/csv", "image/png").status == 406
    answer = invoke("1,2,3", "text/csv")
    assert answer.status == 400
    assert b"3 features, the model 13" in answer.body


def test_batch_transform(trained: Any, housing: list[list[float]]) -> None:
    with trained.serving(SAGEMAKER_BATCH="true") as invoke:
        assert invoke(_csv([row[1:] for row in housing[:3]]), "text/csv").body.count(b"\n") == 3
        parameters = json.loads(invoke(get="/execution-parameters").body)
    assert parameters["BatchStrategy"] == "MULTI_RECORD"
    assert parameters["MaxPayloadInMB"] == 6


PICKLED = """
import pickle, sys, xgboost
booster = xgboost.Booster(model_file=sys.argv[1])
pickle.dump(booster, open(sys.argv[1], "wb"))
"""
ALONE = """
import sys
from sagewright_container.serving import xgboost_import
xgboost_import.import_alone(sys.argv[1])
print("xgboost" in sys.modules, "sklearn" in sys.modules)
import sklearn
"""


def test_a_model_is_loaded_without_what_it_does_not_need(trained: Any, housing: list[list[float]]) -> None:
    row = _csv([housing[0][1:]]).encode()
    model = str(trained.base / "model")
    alone = trained.run("-c", ALONE, model)
    assert (alone.returncode, alone.stdout) == (0, "True False\n"), alone.stderr
    with trained.serving() as invoke:
        price = invoke(row).body
    done = trained.run("-c", PICKLED, f"{model}/xgboost-model")
    assert done.returncode == 0, done.stderr
    assert trained.run("-c", ALONE, model).stdout == "False False\n", "a pickle may be of an estimator"
    with trained.serving() as invoke:
        assert invoke(row).body == price


def test_a_large_batch_means_what_its_rows_mean(trained: Any, housing: list[list[float]]) -> None:
    """Much CSV is read by another reader: it must not matter, also for empty cells, quotes and the smallest numbers."""
    rows = [",".join(map(str, row[1:])) for row in housing]
    odd = ["," * 12, ",".join(["1e-05"] * 13), ",".join(["nan"] * 13), ",".join(["-0"] * 13)]
    with trained.serving(SAGEMAKER_BATCH="true") as invoke:
        alone = invoke("\n".join(rows + odd).encode()).body.split()
        large = "\n".join((rows + odd) * 60).encode()
        assert len(large) > 1 << 20
        assert invoke(large).body.split() == alone * 60
        quoted = large.replace(b"396.9,", b'"396.9",')
        assert quoted != large
        assert invoke(quoted).body.split() == alone * 60
        wrong = invoke(large + b"\nno,numbers,here")
        assert wrong.status == 415
        assert f"Line {60 * len(rows + odd) + 1} ".encode() in wrong.body


def test_selected_answers_of_a_classifier(xgboost: Any, housing: list[list[float]]) -> None:
    rows = [[float(row[0] > 22), *row[1:]] for row in housing]
    xgboost.job({"num_round": "5", "objective": "binary:logistic", "eval_metric": "auc,f1"}, train="libsvm")
    xgboost.write("input/data/train/rows", _libsvm(rows))
    done = xgboost.train()
    assert re.search(r"\[4\]\ttrain-auc:0\.9\d+\ttrain-f1:0\.9\d+", done.stdout), done.stderr
    with xgboost.serving(SAGEMAKER_INFERENCE_OUTPUT="predicted_label, probabilities") as invoke:
        answer = invoke(_csv([rows[0][1:], rows[8][1:]]), "text/csv", "application/json")
        as_csv = invoke(_csv([rows[0][1:]]), "text/csv").body.decode()
    first, second = json.loads(answer.body)["predictions"]
    assert (first["predicted_label"], second["predicted_label"]) == (1, 0)
    assert sum(first["probabilities"]) == pytest.approx(1)
    assert re.fullmatch(r'1,"\[0\.\d+, 0\.\d+\]"', as_csv)


@pytest.mark.parametrize(
    ("content_type", "written"),
    [("text/csv", _csv), ("text/libsvm", _libsvm), ("application/x-recordio-protobuf", _recordio)],
)
def test_every_form_of_training_data(xgboost: Any, housing: list[list[float]], content_type: str, written: Any) -> None:
    xgboost.job({**REGRESSION, "num_round": "1"}, train=content_type)
    xgboost.write("input/data/train/rows", written(housing))
    done = xgboost.train()
    assert "Train matrix: 506 rows, 13 columns" in done.stdout, done.stderr
    assert done.returncode == 0


def test_parquet(xgboost: Any, housing: list[list[float]]) -> None:
    code = (
        "import sys, json, pyarrow as pa, pyarrow.parquet as pq; rows = json.load(sys.stdin)\n"
        "pq.write_table(pa.table({str(i): list(c) for i, c in enumerate(zip(*rows))}), sys.argv[1])"
    )
    xgboost.write("rows.json", json.dumps(housing))
    xgboost.write("input/data/train/empty", "")
    path = str(xgboost.base / "input/data/train/rows.parquet")
    code = code.replace("sys.stdin", f"open({str(xgboost.base / 'rows.json')!r})")
    assert xgboost.run("-c", code, path).returncode == 0
    xgboost.job({**REGRESSION, "num_round": "1"}, train="parquet")
    assert "506 rows, 13 columns" in xgboost.train().stdout


def test_early_stopping_keeps_the_best_round(xgboost: Any, housing: list[list[float]]) -> None:
    xgboost.job({**REGRESSION, "num_round": "300", "early_stopping_rounds": "3"}, train="csv", validation="csv")
    xgboost.write("input/data/train/rows", _csv(housing[:400]))
    xgboost.write("input/data/validation/rows", _csv(housing[400:]))
    done = xgboost.train()
    best = re.search(r"Best iteration: \[(\d+)\]", done.stdout)
    assert best, done.stderr
    code = "import sys, xgboost; print(xgboost.Booster(model_file=sys.argv[1]).num_boosted_rounds())"
    model = str(xgboost.base / "model/xgboost-model")
    assert int(xgboost.run("-W", "ignore", "-c", code, model).stdout) == int(best[1]) + 1


@pytest.mark.parametrize(
    ("hyperparameters", "data", "reason"),
    [
        ({"eta": "0.3"}, "1,2\n", "ClientError: Hyperparameter num_round is required"),
        ({**REGRESSION, "eta": "7"}, "1,2\n", "ClientError: Hyperparameter eta: 7 is not in [0, 1]"),
        (REGRESSION, "target,x\n1,2\n", "CSV data must have no header"),
        (REGRESSION, "", "ClientError: Channel train holds no data"),
        (REGRESSION, "1,2\n1,2,3\n", "ClientError: rows.csv in channel train: Line 2 has 3 columns"),
        (
            {**REGRESSION, "objective": "binary:logistic"},
            "7,2\n",
            "ClientError: rows.csv in channel train: Line 1 has the label 7",
        ),
    ],
)
def test_what_the_caller_got_wrong(xgboost: Any, hyperparameters: dict[str, str], data: str, reason: str) -> None:
    xgboost.job(hyperparameters, train="text/csv")
    xgboost.write("input/data/train/rows.csv", data)
    assert xgboost.train().returncode == 1
    assert reason in xgboost.failure()


def test_libsvm_with_weights_queries_and_comments(xgboost: Any) -> None:
    code = (
        "from sagewright_container.algorithms import row_formats; t = row_formats.libsvm("
        "b'1:0.5 qid:1 0:1.5 3:2 # a comment\\n\\n0:0.25 qid:2 2:7\\n')\n"
        "print(t.features.toarray().tolist(), t.label.tolist(), t.weight.tolist(), t.query.tolist())"
    )
    expected = "[[1.5, 0.0, 0.0, 2.0], [0.0, 0.0, 7.0, 0.0]] [1.0, 0.0] [0.5, 0.25] [1, 2]\n"
    assert xgboost.run("-c", code).stdout == expected


def test_script_mode(xgboost: Any, housing: list[list[float]]) -> None:
    xgboost.job({"sagemaker_program": '"train.py"', "num_round": "3"}, train="text/csv")
    xgboost.write("input/data/train/rows.csv", _csv(housing))
    xgboost.write(
        "code/train.py",
        "import argparse, os, numpy as np, xgboost\n"
        "parser = argparse.ArgumentParser(); parser.add_argument('--num_round', type=int)\n"
        "rows = np.loadtxt(os.environ['SM_CHANNEL_TRAIN'] + '/rows.csv', delimiter=',')\n"
        "matrix = xgboost.DMatrix(rows[:, 1:], label=rows[:, 0])\n"
        "booster = xgboost.train({}, matrix, parser.parse_args().num_round)\n"
        "os.makedirs(os.environ['SM_MODEL_DIR']); booster.save_model(os.environ['SM_MODEL_DIR'] + '/m.json')\n",
    )
    done = xgboost.train()
    assert done.returncode == 0, done.stderr
    xgboost.write(
        "model/code/inference.py",
        "import xgboost\ndef model_fn(folder):\n    return xgboost.Booster(model_file=folder + '/m.json')\n",
    )
    with xgboost.serving(SAGEMAKER_PROGRAM="inference.py") as invoke:
        answer = invoke(_libsvm(housing[:2]), "text/libsvm", "application/json")
        assert invoke(_csv([housing[0][1:]]), "text/csv", "text/csv").status == 200
    assert len(json.loads(answer.body)) == 2


def test_a_stopped_job_saves_what_it_has(xgboost: Any, housing: list[list[float]]) -> None:
    xgboost.job({**REGRESSION, "num_round": "1000000"}, train="text/csv")
    xgboost.write("input/data/train/rows.csv", _csv(housing))
    with xgboost.started("train") as process:
        while not process.stdout.readline().startswith("[10]"):
            assert process.poll() is None
        process.terminate()
        assert process.wait(60) == 0
    assert (xgboost.base / "model/xgboost-model").stat().st_size > 1000


def test_pipe_mode(xgboost: Any, housing: list[list[float]]) -> None:
    xgboost.job({**REGRESSION, "num_round": "1"}, train="text/csv")
    config = {"train": {"TrainingInputMode": "Pipe", "ContentType": "text/csv"}}
    xgboost.write("input/config/inputdataconfig.json", json.dumps(config))
    pipe = xgboost.base / "input/data/train_0"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    with xgboost.started("train") as process:
        pipe.write_text(_csv(housing))
        assert "506 rows, 13 columns" in process.stdout.read()
        assert process.wait(60) == 0
