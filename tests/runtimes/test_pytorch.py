"""The PyTorch image: a script trains on handwritten digits; its TorchScript model serves by itself and by functions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TRAIN = """
import argparse, os
import torch
from sklearn.datasets import load_digits

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
given = parser.parse_args()
torch.manual_seed(0)
images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
images = images.float() / 16
model = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), 0.01)
for _ in range(given.epochs):
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(model(images), labels)
    loss.backward()
    optimizer.step()
accuracy = (model(images).argmax(1) == labels).float().mean()
print(f"accuracy={accuracy:.3f};")
torch.jit.script(model).save(os.path.join(given.model_dir, "model.pt"))
torch.save(model.state_dict(), os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "state.bin"))
"""
FUNCTIONS = """
import json, os, torch

def model_fn(model_dir, context):
    assert context.system_properties["model_dir"] == model_dir
    return torch.jit.load(os.path.join(model_dir, "model.pt"))

def input_fn(data, content_type, context):
    return torch.tensor(json.loads(data)["pixels"]), context.get_request_header("X-Amzn-SageMaker-Custom-Attributes")

def predict_fn(data, model):
    return int(model(data[0]).argmax()), data[1]

def output_fn(prediction, accept, context):
    context.set_response_content_type("text/x-digit")
    return f"{prediction[0]} {prediction[1]}"
"""
ZERO = [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0, 0, 3, 15, 2, 0, 11, 8, 0, 0, 4, 12, 0, 0, 8, 8, 0,
        0, 5, 8, 0, 0, 9, 8, 0, 0, 4, 11, 0, 1, 12, 7, 0, 0, 2, 14, 5, 10, 12, 0, 0, 0, 0, 6, 13, 10, 0, 0,
        0]  # fmt: skip


@pytest.fixture(scope="module")
def job(container: Any) -> Any:
    pytorch = container("pytorch", "pytorch")
    pytorch.job({"sagemaker_program": '"train.py"', "epochs": "60"})
    pytorch.write("code/train.py", TRAIN)
    for folder in ("model", "output/data"):
        (pytorch.base / folder).mkdir(parents=True)
    done = pytorch.train()
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.partition("accuracy=")[2].partition(";")[0]) > 0.9
    return pytorch


@pytest.fixture
def trained(job: Any, tmp_path: Path) -> Any:
    return job.copied(tmp_path)


@pytest.fixture
def invoke(trained: Any) -> Iterator[Any]:
    with trained.serving() as invoke:
        yield invoke


def test_a_torchscript_model_needs_no_script(invoke: Any, npy: Any) -> None:
    row = [pixel / 16 for pixel in ZERO]
    answer = invoke(npy([row, row]), "application/x-npy", "application/x-npy")
    assert (answer.status, answer.content_type) == (500, "text/plain; charset=utf-8")  # float64 is not what it learned
    answer = invoke(json.dumps([row, row]), "application/json")
    scores = json.loads(answer.body)
    assert [each.index(max(each)) for each in scores] == [0, 0]
    answer = invoke(",".join(map(str, row)), "text/csv", "text/csv")
    assert [float(line) for line in answer.body.split()] == pytest.approx(scores[0], rel=1e-5)
    assert invoke(json.dumps([row]), "application/json", "application/x-npy").body.startswith(b"\x93NUMPY")
    assert invoke("x", "text/plain").status == 415
    assert invoke(get="/ping").status == 200


def test_the_users_functions_come_first(trained: Any) -> None:
    trained.write("model/code/inference.py", FUNCTIONS)
    with trained.serving() as invoke:
        answer = invoke(json.dumps({"pixels": [pixel / 16 for pixel in ZERO]}), "application/json")
    assert (answer.body, answer.content_type) == (b"0 None", "text/x-digit")


def test_a_script_without_model_fn_stands_on_the_default_model(trained: Any) -> None:
    script = "def transform_fn(model, data, content_type, accept): return type(model).__name__, 'text/plain'"
    trained.write("code/serve.py", script)
    environ = {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": "s3://bucket/sourcedir.tar.gz"}
    with trained.serving(**environ) as invoke:
        assert b"ScriptModule" in invoke("{}", "application/json").body


def test_without_a_model_the_server_says_what_it_wants(container: Any) -> None:
    pytorch = container("pytorch", "pytorch")
    pytorch.write("model/weights.bin", b"")
    ended = pytorch.run("-m", "sagewright_container.main", "serve", "pytorch")
    assert ended.returncode == 1
    assert "exactly one .pt or .pth file, saved with torch.jit.save" in ended.stderr
    assert "holds weights.bin" in ended.stderr
