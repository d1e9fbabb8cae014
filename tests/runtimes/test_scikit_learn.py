"""The scikit-learn image: a user's script trains, and serves what it has trained."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Iterator
from typing import Any

import pytest

TRAIN = """
import argparse, os, joblib
import numpy as np
from sklearn.linear_model import LinearRegression

parser = argparse.ArgumentParser()
parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
parser.add_argument("--fit-intercept", type=int)
given = parser.parse_args()
rows = np.loadtxt(os.path.join(given.train, "housing.csv"), delimiter=",")
model = LinearRegression(fit_intercept=bool(given.fit_intercept)).fit(rows[:, :-1], rows[:, -1])
joblib.dump(model, os.path.join(os.environ["SM_MODEL_DIR"], "model.joblib"))
print(f"score={model.score(rows[:, :-1], rows[:, -1]):.4f};")
"""

MODEL_FN = """
import os, joblib

def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))
"""


@pytest.fixture
def trained(scikit_learn: Any, housing: list[list[float]]) -> Any:
    scikit_learn.job({"sagemaker_program": '"train.py"', "fit-intercept": "1"}, train="")
    scikit_learn.write("code/train.py", TRAIN)
    rows = "".join(",".join(map(str, [*row[1:], row[0]])) + "\n" for row in housing)
    scikit_learn.write("input/data/train/housing.csv", rows)
    (scikit_learn.base / "model").mkdir()
    done = scikit_learn.train()
    assert done.returncode == 0, done.stderr
    assert done.stdout == "score=0.7406;\n"
    scikit_learn.write("model/code/inference.py", MODEL_FN)
    return scikit_learn


@pytest.fixture
def invoke(trained: Any) -> Iterator[Any]:
    with trained.serving() as invoke:
        yield invoke


def test_every_form_of_data_in_and_out(invoke: Any, housing: list[list[float]], npy: Any) -> None:
    rows = [row[1:] for row in housing[:3]]
    as_csv = "\n".join(",".join(map(str, row)) for row in rows)
    as_npy = npy(rows)

    answer = invoke(json.dumps(rows), "application/json")
    assert (answer.status, answer.content_type) == (200, "application/json")
    expected = json.loads(answer.body)
    assert expected == pytest.approx([30.0038, 25.0256, 30.5676], abs=1e-3)

    answer = invoke(as_csv, "text/csv; charset=utf-8", "text/csv")
    assert answer.content_type == "text/csv"
    assert [float(line) for line in answer.body.splitlines()] == expected

    answer = invoke(as_npy, "application/x-npy", "application/x-npy")
    assert answer.body.startswith(b"\x93NUMPY")
    assert struct.unpack("<3d", answer.body[-24:]) == pytest.approx(expected, abs=1e-3)

    # One row, without the list around it, is still one row; a caller without preference gets JSON.
    answer = invoke(as_csv.splitlines()[0], "text/csv", "*/*")
    assert json.loads(answer.body) == pytest.approx(expected[:1])
    assert invoke(as_csv, "text/csv", "image/png, text/csv;q=0.5").content_type == "text/csv"


def test_a_large_table_means_what_its_rows_mean(invoke: Any, housing: list[list[float]]) -> None:
    rows = "\n".join(",".join(map(str, row[1:])) for row in housing).encode()
    alone = invoke(rows, "text/csv", "application/json")
    large = invoke(b"\n".join([rows] * 60), "text/csv", "application/json")
    assert (alone.status, large.status) == (200, 200)
    assert json.loads(large.body) == pytest.approx(json.loads(alone.body) * 60)


def test_wrong_requests(invoke: Any) -> None:
    assert invoke("1", "text/plain").status == 415
    assert invoke("[[1]]", "application/json", "image/png").status == 500  # what it cannot predict comes first
    assert invoke("[[0,0,0,0,0,0,0,0,0,0,0,0,0]]", "application/json", "image/png").status == 406
    assert invoke("", "application/json").status == 204
    answer = invoke("[[1]]", "application/json")
    assert answer.status == 500
    assert answer.body.startswith(b"ValueError: X has 1 features")
    assert invoke(get="/ping").status == 200
    assert invoke(get="/execution-parameters").status == 404


def test_the_platform_unpacked_the_script_from_s3(trained: Any, housing: list[list[float]]) -> None:
    shutil.rmtree(trained.base / "model/code")
    trained.write("code/serve.py", MODEL_FN + "\ndef output_fn(prediction, accept):\n    return 'mine', accept\n")
    environ = {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": "s3://bucket/sourcedir.tar.gz"}
    with trained.serving(SAGEMAKER_MODEL_SERVER_WORKERS="2", **environ) as invoke:
        answer = invoke(json.dumps([housing[0][1:]]), "application/json", "text/x-mine")
    assert (answer.body, answer.content_type) == (b"mine", "text/x-mine")


def test_without_a_model_fn_the_server_ends(scikit_learn: Any) -> None:
    scikit_learn.write("model/code/inference.py", "")
    ended = scikit_learn.run("-m", "sagewright_container.main", "serve", "scikit-learn", **_port(scikit_learn))
    assert ended.returncode == 1
    assert "Please provide a model_fn implementation" in ended.stderr


def test_without_a_script_the_server_ends(scikit_learn: Any) -> None:
    ended = scikit_learn.run("-m", "sagewright_container.main", "serve", "scikit-learn", **_port(scikit_learn))
    assert ended.returncode == 1
    assert "Please provide a model_fn implementation" in ended.stderr
    assert "There is no inference.py" in ended.stderr


def _port(container: Any) -> dict[str, str]:
    return {"SAGEWRIGHT_BIND_UDS": str(container.base / "s")}
