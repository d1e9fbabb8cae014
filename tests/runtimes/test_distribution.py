"""Two hosts of a job, as two folders and two addresses of the loopback network, with the real PyTorch."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests/clients/scripts/ddp_housing.py"
HOSTS = ["127.0.0.1", "127.0.0.2"]


def start(folder: Path, host: str, python: Path) -> subprocess.Popen[str]:
    """One host's toolkit."""
    files = {
        "input/config/hyperparameters.json": json.dumps(
            {"sagemaker_program": SCRIPT.name, "sagemaker_torch_distributed_enabled": "true", "epochs": "2"}
        ),
        "input/config/inputdataconfig.json": json.dumps({"train": {"TrainingInputMode": "File"}}),
        "input/config/resourceconfig.json": json.dumps(
            {"hosts": HOSTS, "current_host": host, "network_interface_name": "lo"}
        ),
        f"code/{SCRIPT.name}": SCRIPT.read_text(),
        "input/data/train/housing.csv": (ROOT / "examples/housing.csv").read_text(),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "model").mkdir()
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "src"),
        "SAGEMAKER_BASE_DIR": str(folder),
        "SAGEWRIGHT_REQUIREMENTS_DONE": "1",
        "TRAINING_JOB_NAME": str(folder.parent),
    }
    command = [str(python), "-m", "sagewright_container.main", "train", "pytorch"]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_two_hosts_compute_what_one_process_does(tmp_path: Path, runtime_python: Callable[[str], Path]) -> None:
    python = runtime_python("pytorch")
    running = [start(tmp_path / host, host, python) for host in HOSTS]
    for process in running:
        said, _ = process.communicate(timeout=180)
        assert process.returncode == 0, said
    report: dict[str, Any] = json.loads((tmp_path / HOSTS[0] / "model/losses.json").read_text())
    assert report["world"] == 2
    assert report["losses"] == pytest.approx(report["alone"], abs=1e-5)
