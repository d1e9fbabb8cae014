"""The TensorFlow image, with Keras 2 and with Keras 3: training, TensorFlow Serving's JSON, and users' handlers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TRAIN = """
import argparse, os
import numpy as np
import tensorflow as tf

parser = argparse.ArgumentParser()
parser.add_argument("--model_dir")
given = parser.parse_args()
assert given.model_dir == "s3://bucket/job/model"
tf.keras.utils.set_random_seed(0)
rows = np.loadtxt(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "housing.csv"), delimiter=",")
features, prices = rows[:, 1:], rows[:, 0]
scale = tf.keras.layers.Normalization()
scale.adapt(features)
model = tf.keras.Sequential([tf.keras.Input((13,)), scale, tf.keras.layers.Dense(16, "relu"), tf.keras.layers.Dense(1)])
model.compile(optimizer=tf.keras.optimizers.Adam(0.03), loss="mse")
fitted = model.fit(features, prices, epochs=30, batch_size=64, verbose=0)
print(f"loss={fitted.history['loss'][-1]:.2f};")
folder = os.environ["SM_MODEL_DIR"]
if tf.__version__ < "2.16":
    model.save(f"{folder}/1")
else:
    model.export(f"{folder}/1")

class Words(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.int32)])
    def joined(self, word, times):
        return {"word": tf.strings.join([word, tf.strings.as_string(times)]), "next": times + 1}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def regress(self, inputs):
        parsed = tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([], tf.float32)})
        return {"outputs": parsed["x"] * 2}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def classify(self, inputs):
        x = tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([], tf.float32)})["x"]
        return {"classes": tf.fill([tf.size(x), 2], "big"), "scores": tf.stack([x, 1 - x], 1)}

words = Words()
signatures = {"serving_default": words.joined, "regress": words.regress, "classify": words.classify}
for version in (3, 12):
    tf.saved_model.save(words, f"{folder}/others/words/{version}", signatures=signatures)
"""
AROUND = """
import json

def input_handler(data, context):
    assert context.request_content_type == "text/x-rows", context
    rows = [[float(cell) for cell in line.split(";")] for line in data.read().decode().splitlines()]
    return json.dumps({"instances": rows})

def output_handler(response, context):
    if response.status_code != 200:
        raise ValueError(response.content.decode("utf-8"))
    return response.content, context.accept_header
"""
HANDLER = """
import requests

def handler(data, context):
    answer = requests.post(context.rest_uri, data=data.read())
    return f"{context.model_name} {context.method} {answer.status_code} {answer.text}", "text/plain"
"""


@pytest.fixture(scope="module", params=["tensorflow-2.15", "tensorflow"])
def job(container: Any, request: Any, housing: list[list[float]]) -> Any:
    made = container("tensorflow", request.param)
    made.job({"sagemaker_program": '"train.py"', "model_dir": '"s3://bucket/job/model"'}, train="")
    made.write("code/train.py", TRAIN)
    made.write("input/data/train/housing.csv", "".join(",".join(map(str, row)) + "\n" for row in housing))
    (made.base / "model").mkdir()
    done = made.train()
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.partition("loss=")[2].partition(";")[0]) < 30
    return made


@pytest.fixture(scope="module")
def invoke(job: Any) -> Iterator[Any]:
    with job.serving(SAGEMAKER_TFS_DEFAULT_MODEL_NAME="model") as invoke:
        yield invoke


@pytest.fixture
def rows(housing: list[list[float]]) -> list[list[float]]:
    return [row[1:] for row in housing[:3]]


def test_rows_are_answered_by_predictions_and_columns_by_outputs(invoke: Any, rows: list[list[float]]) -> None:
    answer = invoke(json.dumps({"instances": rows}), "application/json")
    assert (answer.status, answer.content_type) == (200, "application/json")
    prices = json.loads(answer.body)["predictions"]
    assert [len(price) for price in prices] == [1, 1, 1]
    assert all(5 < price < 60 for (price,) in prices)
    assert json.loads(invoke(json.dumps({"inputs": rows}), "application/json").body) == {"outputs": prices}


def test_every_form_of_data_becomes_instances(invoke: Any, rows: list[list[float]]) -> None:
    expected = json.loads(invoke(json.dumps(rows), "application/json").body)
    lines = "\n".join(json.dumps(row) for row in rows)
    assert json.loads(invoke(lines, "application/jsonlines").body) == expected
    assert json.loads(invoke(lines, "application/json").body) == expected
    cells = "\n".join(",".join(map(str, row)) for row in rows)
    assert json.loads(invoke(cells, "text/csv", "application/json").body) == expected


def test_custom_attributes_choose_model_version_and_method(invoke: Any) -> None:
    def ask(body: Any, attributes: str) -> Any:
        headers = {"X-Amzn-SageMaker-Custom-Attributes": attributes}
        answer = invoke(json.dumps(body), "application/json", headers=headers)
        return answer.status, json.loads(answer.body) if answer.status == 200 else answer.body.decode()

    name = "tfs-model-name=words"
    word = {"instances": [{"word": "a", "times": 1}, {"word": {"b64": "Yg=="}, "times": 2}]}
    expected = [{"word": "a1", "next": 2}, {"word": "b2", "next": 3}]
    status, answer = ask(word, f"{name},tfs-model-version=3")
    assert (status, sorted(answer["predictions"], key=str)) == (200, sorted(expected, key=str))
    assert ask({"inputs": {"word": ["a"], "times": [1]}}, name)[1]["outputs"] == {"word": ["a1"], "next": [2]}
    examples = {"examples": [{"x": 0.25}], "signature_name": "regress"}
    assert ask(examples, f"tfs-method=regress,{name}") == (200, {"results": [0.5]})
    labelled = {"results": [[["big", 0.25], ["big", 0.75]]]}
    assert ask({**examples, "signature_name": "classify"}, f"tfs-method=classify, {name}") == (200, labelled)
    assert ask({"instances": ["a"]}, name) == (400, "The model takes several inputs: name each of times, word.")
    assert ask(word, "tfs-model-name=none") == (400, "There is no model called 'none', but model, words.")
    assert ask(word, f"{name},tfs-model-version=4")[0] == 400
    assert ask(word, f"{name},tfs-method=guess")[0] == 400
    assert ask({**word, "signature_name": "x"}, name)[1].startswith("The model has no signature 'x'")


def test_wrong_requests(invoke: Any) -> None:
    assert invoke("x", "text/plain").status == 415
    assert invoke("", "application/json").status == 400
    assert invoke("{", "application/json").status == 400
    assert invoke('{"instances": []}', "application/json").status == 400
    assert invoke('{"instances": [[1, 2]]}', "application/json").status == 400
    assert invoke('{"instances": [["a"]]}', "application/json").status == 400
    assert invoke(get="/ping").status == 200


@pytest.mark.parametrize("job", ["tensorflow-2.15"], indirect=True)
def test_handlers_go_before_and_after_the_model(job: Any, tmp_path: Path, rows: list[list[float]]) -> None:
    made = job.copied(tmp_path)
    made.write("model/code/inference.py", AROUND)
    body = "\n".join(";".join(map(str, row)) for row in rows)
    with made.serving(SAGEMAKER_TFS_DEFAULT_MODEL_NAME="model") as invoke:
        answer = invoke(body, "text/x-rows", "text/x-mine")
        assert (answer.status, answer.content_type) == (200, "text/x-mine")
        assert len(json.loads(answer.body)["predictions"]) == 3
        assert invoke("1;2", "text/x-rows").status == 500


@pytest.mark.parametrize("job", ["tensorflow"], indirect=True)
def test_a_handler_asks_the_model_over_http(job: Any, tmp_path: Path) -> None:
    made = job.copied(tmp_path)
    made.write("model/code/inference.py", HANDLER)
    with made.serving(SAGEMAKER_TFS_DEFAULT_MODEL_NAME="words") as invoke:
        answer = invoke('{"inputs": {"word": ["a"], "times": [1]}}', "application/json")
    assert answer.body.startswith(b"words predict 200 {")
    assert b'"word":["a1"]' in answer.body


def test_without_a_model_the_server_says_what_it_wants(container: Any) -> None:
    made = container("tensorflow", "tensorflow")
    made.write("model/model.keras", b"")
    ended = made.run("-m", "sagewright_container.main", "serve", "tensorflow")
    assert ended.returncode == 1
    assert "There is no SavedModel in" in ended.stderr
    assert "holds model.keras. Save the model to os.environ['SM_MODEL_DIR'] + '/1'" in ended.stderr
