"""Each image as a container of many models: every framework survives to be forked after it was imported."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

ROW = [0.5] * 4
MAKE = """
import os, sys
for number in (1, 2):
    folder = sys.argv[number]
    os.makedirs(folder + "/code")
    exec(sys.argv[3])
"""

PREDICT = """
def input_fn(data, content_type): return data

def predict_fn(data, model):
    while "loop" in data:
        pass
    return [model]
"""


class Case(NamedTuple):
    """How a model whose answer to ROW is `number` is made, and what is sent and answered."""

    image: str
    environment: str
    make: str
    answered: Callable[[Any], float]
    request: Any = (ROW,)


CASES = [
    Case(
        "pytorch",
        "pytorch",
        """
import torch
layer = torch.nn.Linear(4, 1)
torch.nn.init.zeros_(layer.weight)
torch.nn.init.constant_(layer.bias, number)
torch.jit.save(torch.jit.script(layer), f"{folder}/model.pt")
""",
        lambda answer: answer[0][0],
    ),
    Case(
        "tensorflow",
        "tensorflow",
        """
import tensorflow as tf

class Model(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32)])
    def serve(self, x):
        return {"y": tf.linalg.matmul(x, tf.zeros([4, 1])) + number}

model = Model()
tf.saved_model.save(model, f"{folder}/1", signatures={"serving_default": model.serve})
""",
        lambda answer: answer["predictions"][0][0],
    ),
    Case(
        "xgboost",
        "xgboost",
        """
import numpy, xgboost
rows = xgboost.DMatrix(numpy.zeros((8, 4)), label=numpy.full(8, number))
xgboost.train({"base_score": number}, rows, 1).save_model(f"{folder}/xgboost-model")
""",
        lambda answer: answer["predictions"][0]["score"],
    ),
    Case(
        "mxnet",
        "mxnet",
        """
open(f"{folder}/code/inference.py", "w").write(f'''
import mxnet as mx
def model_fn(model_dir): return mx.nd.array([{number}])
def predict_fn(data, model): return (data.sum() * 0 + model).asnumpy()
''')
""",
        lambda answer: answer[0],
    ),
    Case(
        "huggingface",
        "huggingface-4",
        """
open(f"{folder}/code/inference.py", "w").write(f'''
import torch, transformers
def model_fn(model_dir): return torch.tensor([float({number})])
def predict_fn(data, model): return (model + torch.tensor(data["inputs"]).sum() * 0).tolist()
''')
""",
        lambda answer: answer[0],
        {"inputs": ROW},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.image)
def test_an_image_serves_many_models(case: Case, container: Callable[..., Any]) -> None:
    made = container(case.image, case.environment)
    folders = [str(made.base / "models" / name / "model") for name in ("one", "two")]
    done = made.run("-c", MAKE, *folders, case.make)
    assert done.returncode == 0, done.stderr

    with made.serving(SAGEMAKER_MULTI_MODEL="true") as invoke:
        for name, folder in zip(("one", "two"), folders, strict=True):
            loaded = invoke(json.dumps({"model_name": name, "url": folder}), "application/json", path="/models")
            assert loaded.status == 200, loaded.body
        for _ in range(2):
            for number, name in ((1, "one"), (2, "two")):
                body = json.dumps(case.request)
                answer = invoke(body, "application/json", "application/json", path=f"/models/{name}/invoke")
                assert answer.status == 200, answer.body
                assert case.answered(json.loads(answer.body)) == pytest.approx(number, abs=1e-4)
        assert invoke(method="DELETE", path="/models/one").status == 200
        assert invoke(json.dumps(case.request), path="/models/one/invoke").status == 404
        assert [each["modelName"] for each in json.loads(invoke(get="/models").body)["models"]] == ["two"]


def test_models_that_end_all_at_once(container: Callable[..., Any]) -> None:
    made = container("scikit-learn", "scikit-learn")
    made.write("models/m/model/code/inference.py", "import os\ndef model_fn(model_dir): return os.getpid()\n" + PREDICT)
    load = {"url": str(made.base / "models/m/model")}
    with made.serving(SAGEMAKER_MULTI_MODEL="true") as invoke:
        for _ in range(2):
            pids = []
            for number in range(12):
                assert invoke(json.dumps({**load, "model_name": f"{number}"}), path="/models").status == 200
                pids.append(int(invoke("[[1]]", "application/json", path=f"/models/{number}/invoke").body[1:-1]))
            assert paged(invoke, 5) == sorted(f"{number}" for number in range(12))
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            end = time.monotonic() + 60
            while json.loads(invoke(get="/models").body)["models"]:
                assert time.monotonic() < end
            assert invoke(get="/ping").status == 200


def paged(invoke: Callable[..., Any], limit: int) -> list[str]:
    """All models that are listed, so many at a time."""
    names: list[str] = []
    token = ""
    while True:
        page = json.loads(invoke(get=f"/models?limit={limit}{token}").body)
        assert len(page["models"]) <= limit
        names += [each["modelName"] for each in page["models"]]
        if "nextPageToken" not in page:
            return names
        token = f"&next_page_token={page['nextPageToken']}"


def test_what_the_api_refuses(container: Callable[..., Any]) -> None:
    made = container("scikit-learn", "scikit-learn")
    made.write("models/m/model/code/inference.py", "def model_fn(model_dir): return 0\n" + PREDICT)
    load = json.dumps({"model_name": "m", "url": str(made.base / "models/m/model")})
    with made.serving(SAGEMAKER_MULTI_MODEL="true") as invoke:
        assert invoke(load, path="/models").status == 200
        assert invoke(load, path="/models").status == 409
        for body in ("", "{", "[]", '{"model_name": "a"}', '{"model_name": "a/b", "url": "/"}', '{"model_name": 1}'):
            assert invoke(body, path="/models").status == 400
        assert invoke('{"model_name": "n", "url": "/nowhere"}', path="/models").status == 500
        assert invoke(get="/models?limit=none").status == 400
        for method, path in (("DELETE", "/models/n"), ("POST", "/models/n/invoke"), ("POST", "/invocations")):
            assert invoke(method=method, path=path).status == 404
        assert [invoke(get=path).status for path in ("/models/m", "/models/n", "/ping")] == [200, 404, 200]


def test_a_model_that_hangs_ends_alone(container: Callable[..., Any]) -> None:
    made = container("scikit-learn", "scikit-learn")
    made.write("models/m/model/code/inference.py", "def model_fn(model_dir): return 0\n" + PREDICT)
    load = {"url": str(made.base / "models/m/model")}
    with made.serving(SAGEMAKER_MULTI_MODEL="true", SAGEMAKER_MODEL_SERVER_TIMEOUT="3") as invoke:
        for name in ("a", "b"):
            assert invoke(json.dumps({**load, "model_name": name}), path="/models").status == 200
        assert invoke('"loop"', "application/json", path="/models/a/invoke").status == 504
        assert invoke("[[1]]", "application/json", path="/models/b/invoke").status == 200
        end = time.monotonic() + 60
        while invoke(get="/models/a").status == 200:
            assert time.monotonic() < end
