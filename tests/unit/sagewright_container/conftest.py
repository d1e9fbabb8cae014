"""A folder in the place of /opt/ml, filled as the platform fills it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sagewright_container.contract import Contract

RESOURCES = {
    "current_host": "algo-1",
    "hosts": ["algo-1"],
    "network_interface_name": "eth0",
    "current_instance_type": "ml.m5.large",
    "current_group_name": "homogeneousCluster",
    "current_instance_group": "homogeneousCluster",
    "instance_groups": [
        {"instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large", "hosts": ["algo-1"]}
    ],
}


class Folder:
    """Writes what the platform would; `contract` is what the container reads it through."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.contract = Contract(str(base))

    def write(self, path: str, content: str) -> Path:
        """A file under the base folder."""
        target = self.base / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        return target

    def configure(
        self,
        hyperparameters: Mapping[str, str],
        channels: Mapping[str, Mapping[str, str]] | None = None,
        resources: Mapping[str, Any] = RESOURCES,
    ) -> None:
        """The three files under input/config."""
        self.write("input/config/hyperparameters.json", json.dumps(hyperparameters))
        self.write("input/config/inputdataconfig.json", json.dumps(channels or {}))
        self.write("input/config/resourceconfig.json", json.dumps(resources))

    @property
    def failure(self) -> str:
        """The failure file's text."""
        return (self.base / "output/failure").read_text()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """The container's folder, which `Contract()` finds too."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    return Folder(tmp_path)
