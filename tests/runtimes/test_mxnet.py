"""The MXNet image: a Module learns, and serves by its files alone or by the user's functions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "clients/scripts/mxnet_digits.py"


@pytest.fixture(scope="module")
def job(container: Any) -> Any:
    made = container("mxnet", "mxnet")
    made.job({"sagemaker_program": '"train.py"', "epochs": "10"})
    made.write("code/train.py", SCRIPT.read_bytes())
    (made.base / "model").mkdir()
    done = made.train()
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.partition("accuracy=")[2].partition(";")[0]) > 0.9
    return made


def test_a_module_needs_no_script(job: Any) -> None:
    row = [0.1] * 64
    with job.serving() as invoke:
        answer = invoke(json.dumps([row, row]), "application/json")
        assert (answer.status, answer.content_type) == (200, "application/json")
        scores = json.loads(answer.body)
        assert [sum(each) for each in scores] == pytest.approx([1, 1], abs=1e-4)
        assert len(json.loads(invoke(",".join(map(str, row)), "text/csv").body)[0]) == 10
        assert invoke("x", "text/plain").status == 415


def test_the_users_functions_come_first(job: Any, tmp_path: Path) -> None:
    made = job.copied(tmp_path)
    made.write("model/code/inference.py", "def transform_fn(model, data, kind, accept): return data + kind, 'text/x'")
    with made.serving() as invoke:
        assert invoke("[1]", "application/json").body == b"[1]application/json"


def test_without_a_model_the_server_says_what_it_wants(container: Any) -> None:
    made = container("mxnet", "mxnet")
    made.write("model/model-symbol.json", "{}")
    ended = made.run("-m", "sagewright_container.main", "serve", "mxnet")
    assert ended.returncode == 1
    assert "it lacks model-0000.params, model-shapes.json" in ended.stderr
