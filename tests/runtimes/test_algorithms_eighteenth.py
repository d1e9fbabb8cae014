"""The checklist for a new algorithm, to the letter: one file, one line, and it is declared, trained, served."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CHECKLIST = ROOT / "docs/contributing/add-an-algorithm.md"
_IGNORED = shutil.ignore_patterns("__pycache__")
_SERVER = """
import json
from sagewright.base import toolkit
from sagewright.compute import refusals, runtimes
from sagewright.testing import algorithms

image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/medians:1"
runtime = runtimes.resolve(image)
print(json.dumps([runtime.environment, toolkit.algorithm_of(image)["name"], "## medians" in algorithms.page()]))
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `src` with what the checklist shows."""
    copy = tmp_path_factory.mktemp("checkout") / "src"
    shutil.copytree(ROOT / "src", copy, ignore=_IGNORED)
    module, line = re.findall(r"```python\n(.*?)```", CHECKLIST.read_text(), re.DOTALL)
    algorithms = copy / "sagewright_container/algorithms"
    (algorithms / "medians.py").write_text(module)
    catalog = algorithms / "catalog.py"
    catalog.write_text(catalog.read_text().replace("CATALOG = {\n", "CATALOG = {\n" + line))
    described = _run(copy, "-m", "sagewright_container.algorithms", "describe")  # `make docs`
    (algorithms / "declared.json").write_text(described)
    return copy


def _run(source: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env={"PYTHONPATH": str(source)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_server_knows_it(source: Path) -> None:
    assert json.loads(_run(source, "-c", _SERVER)) == ["scikit-learn", "medians", True]


def test_it_trains_and_serves(source: Path, container: Callable[..., Any]) -> None:
    made = container("medians", "scikit-learn")
    made.job({"feature_dim": "2"}, train="text/csv;label_size=0")
    made.write("input/data/train/rows.csv", "1,10\n2,20\n9,90\n")
    done = made.train(PYTHONPATH=str(source))
    assert done.returncode == 0, done.stderr
    assert "train distance <loss>=" in done.stdout
    with made.serving(PYTHONPATH=str(source)) as invoke:
        answer = invoke("2,20\n3,25\n", "text/csv", "application/json")
        refused = invoke("1,2,3\n", "text/csv")
    assert json.loads(answer.body) == {"predictions": [{"distance": 0.0}, {"distance": 6.0}]}
    assert (refused.status, b"the rows have 3 features" in refused.body) == (400, True)


def test_its_mistakes_are_refused_like_all_others(source: Path, container: Callable[..., Any]) -> None:
    made = container("medians", "scikit-learn")
    made.job({"feature_dim": "2", "center": "mode"}, train="text/csv")
    assert made.train(PYTHONPATH=str(source)).returncode == 1
    assert made.failure() == "ClientError: Hyperparameter center: mode is not one of: median, mean."
