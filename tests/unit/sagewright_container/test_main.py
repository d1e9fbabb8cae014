"""The one entry: what it loads, and what it does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sagewright_container import main

SRC = Path(__file__).parents[3] / "src"


@pytest.mark.parametrize(
    "arguments", [[], ["train"], ["run", "xgboost"], ["train", "chainer"], ["serve", "base-python"]]
)
def test_wrong_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(arguments) == 2
    assert "usage: python -m sagewright_container.main {train|serve} {" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("hyperparameters", "environ", "called"),
    [
        ({"num_round": "1"}, {}, ("sagewright_container.algorithms.run:train", "xgboost")),
        ({"sagemaker_program": '"a.py"'}, {}, ("sagewright_container.training.launch:main",)),
        ({}, {"SAGEMAKER_PROGRAM": "a.py"}, ("sagewright_container.training.launch:main",)),
    ],
)
def test_xgboost_is_an_algorithm_until_a_program_is_named(
    folder: Any,
    monkeypatch: pytest.MonkeyPatch,
    hyperparameters: dict[str, str],
    environ: dict[str, str],
    called: tuple[str, ...],
) -> None:
    folder.configure(hyperparameters)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    calls: list[tuple[str, ...]] = []

    def call(*target: str) -> int:
        calls.append(target)
        return 0

    monkeypatch.setattr(main, "call", call)
    assert main.train_xgboost() == 0
    assert calls == [called]


def test_a_script_is_started_without_heavy_imports() -> None:
    assert heavy_imports("training.launch") == []


def test_algorithms_that_are_quick_start_without_heavy_imports() -> None:
    assert heavy_imports("algorithms.run", "algorithms.blazingtext", "algorithms.texts") == ["typing"]


def heavy_imports(*modules: str) -> list[str]:
    code = (
        f"import sys, sagewright_container.main, {', '.join(f'sagewright_container.{name}' for name in modules)}\n"
        "heavy = ['argparse', 'ast', 'asyncio', 'dataclasses', 'difflib', 'inspect', 'logging', 'shutil', 'socket',"
        " 'subprocess', 'tempfile', 'traceback', 'typing', 'uvicorn']\n"
        "print(*(name for name in heavy if name in sys.modules))"
    )
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(command, env={"PYTHONPATH": str(SRC)}, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_toolkit_never_imports_the_server() -> None:
    for path in (SRC / "sagewright_container").rglob("*.py"):
        text = path.read_text()
        assert "import sagewright\n" not in text, path
        assert "from sagewright." not in text, path
        assert "from sagewright import" not in text, path


def test_a_tensorflow_script_learns_s3_when_it_imports_tensorflow(folder: Any, tmp_path: Path) -> None:
    """With stand-ins for both packages. The second one is looked for once the first is there."""
    folder.configure({"sagemaker_program": '"train.py"', "model_dir": '"s3://bucket/job/model"'})
    folder.write("code/tensorflow.py", "THERE = True")
    folder.write("code/tensorflow_io.py", "import os, tensorflow; print(tensorflow.THERE, os.environ['S3_ENDPOINT'])")
    folder.write("code/train.py", "import sys, tensorflow; print('tensorflow_io' in sys.modules); sys.exit(3)")
    environ = {
        "PYTHONPATH": str(SRC),
        "SAGEMAKER_BASE_DIR": folder.contract.base,
        "S3_ENDPOINT_URL": "http://127.0.0.1:1",
        "PATH": "/usr/bin:/bin",
    }
    command = [sys.executable, "-m", "sagewright_container.main", "train", "tensorflow"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert (done.stdout, done.returncode) == ("True http://127.0.0.1:1\nTrue\n", 3), done.stderr
