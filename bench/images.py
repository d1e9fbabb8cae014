"""Training of Image Classification beside a plain loop of PyTorch on the same network and images."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench import peers
from bench.base import OURS, ROOT, Figure, Run

TITLE = "ResNet of 20 layers on images of 32 x 32 pixels, from the start of the process until the model is saved"

_BARE: Final = "PyTorch alone"
_PATIENCE_S: Final = 1200.0
_SETTINGS: Final[Mapping[str, str]] = {
    "num_classes": "3",
    "image_shape": "3,32,32",
    "num_layers": "20",
    "epochs": "3",
    "learning_rate": "0.05",
    "mini_batch_size": "32",
}


def measure(run: Run) -> Sequence[Figure]:
    """Both read the same files, one epoch after the other, and end with weights in a file."""
    whole = Figure("until the model is saved", "s", more=False, goal=1.2, share_of=_BARE)
    count = int(run.amount(2000, 200))
    python = peers.runtime(run, "pytorch") / "bin" / "python"
    base = run.folder / "ml"
    run.say(f"making {count:,} images")
    _command(python, "bench/apps/images.py", "make", str(base), str(count))
    _job(base, count)

    def ours() -> Mapping[str, float]:
        shutil.rmtree(base / "model", ignore_errors=True)
        return _timed(whole, python, "-m", "sagewright_container.main", "train", "image-classification", base=base)

    def bare() -> Mapping[str, float]:
        return _timed(whole, python, "bench/apps/images.py", "train", str(base), json.dumps(_SETTINGS))

    run.alternate("images", [whole], {OURS: ours, _BARE: bare})
    run.note(
        f"{count:,} images, 3 epochs. Both have the same network; the plain loop decodes in the loop's own thread."
    )
    return [whole]


def _job(base: Path, count: int) -> None:
    config = base / "input" / "config"
    config.mkdir(parents=True)
    settings = {**_SETTINGS, "num_training_samples": str(count)}
    channels = {name: {"ContentType": "application/x-image"} for name in ("train", "train_lst")}
    (config / "hyperparameters.json").write_text(json.dumps(settings))
    (config / "inputdataconfig.json").write_text(json.dumps(channels))


def _timed(whole: Figure, *command: Any, base: Path | None = None) -> Mapping[str, float]:
    begun = time.perf_counter()
    _command(*command, base=base)
    return {whole.what: time.perf_counter() - begun}


def _command(*command: Any, base: Path | None = None) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_WAIT_POLICY": "PASSIVE"}
    if base is not None:
        environ["SAGEMAKER_BASE_DIR"] = str(base)
    done = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stderr[-2000:]}")
