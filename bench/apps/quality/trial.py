"""One algorithm of the toolkit on files, as the platform runs it; and what a comparison tells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sagewright_container.contract import Contract
from sagewright_container.serving.base import Handler, Request

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "bench" / "data"
JSON, CSV = "application/json", "text/csv"


@dataclass(frozen=True)
class Told:
    """What a comparison found. `more`: more is better."""

    data: str
    metric: str
    ours: float
    theirs: float
    peer: str
    settings: str
    more: bool = True


class Trial:
    """A folder in the place of /opt/ml."""

    def __init__(self, base: Path, algorithm: str) -> None:
        self.base, self._algorithm = base, algorithm
        self._kinds: dict[str, dict[str, str]] = {}
        self._handler: Handler | None = None

    def write(self, channel: str, content_type: str, content: str | bytes, name: str = "part") -> None:
        """A file of a channel."""
        self._kinds[channel] = {"ContentType": content_type, "TrainingInputMode": "File"}
        path = self.base / "input" / "data" / channel / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def train(self, hyperparameters: Mapping[str, object]) -> str:
        """Run the toolkit's program to its end; what it printed."""
        config = self.base / "input" / "config"
        config.mkdir(parents=True, exist_ok=True)
        said = {name: str(value) for name, value in hyperparameters.items()}
        (config / "hyperparameters.json").write_text(json.dumps(said))
        (config / "inputdataconfig.json").write_text(json.dumps(self._kinds))
        done = subprocess.run(
            [sys.executable, "-m", "sagewright_container.main", "train", self._algorithm],
            env={**os.environ, "SAGEMAKER_BASE_DIR": str(self.base)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{self._algorithm} did not train:\n{done.stderr[-2000:]}")
        return done.stdout

    def ask(self, body: str | bytes, content_type: str, accept: str = JSON) -> bytes:
        """What the trained model's server answers."""
        if self._handler is None:
            self._handler = self._loaded()
        data = body.encode() if isinstance(body, str) else body
        return self._handler.handle(Request(data, content_type, accept, {})).body

    def rows(self, rows: Any) -> list[dict[str, Any]]:
        """The records that are answered of rows of numbers."""
        answer = json.loads(self.ask(csv(rows), CSV))
        records: list[dict[str, Any]] = next(iter(answer.values()))
        return records

    def column(self, rows: Any, name: str) -> Any:
        """One of the records' values, as an array."""
        return import_module("numpy").array([record[name] for record in self.rows(rows)])

    def _loaded(self) -> Handler:
        contract = Contract(str(self.base))
        if self._algorithm == "xgboost":
            handler: Handler = import_module("sagewright_container.serving.xgboost_algorithm").AlgorithmHandler(
                contract.model_dir, {}
            )
            return handler
        loaded: Handler = import_module("sagewright_container.serving.algorithm").load(contract, self._algorithm)
        return loaded


def csv(rows: Any) -> str:
    """Lines of cells."""
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


def labelled(rows: Any, labels: Any) -> str:
    """Lines with the label first."""
    return csv([label, *row] for label, row in zip(labels.tolist(), rows.tolist(), strict=True))


def library(name: str) -> str:
    """A library's name with its version."""
    return f"{name} {version(name)}"
