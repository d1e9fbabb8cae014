"""A server whose tasks run on the nodes of a Ray cluster, in the environment that has Ray (`sh tests/run.sh ray`)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from sagewright.testing.ray_nodes import RayNodes

RUNTIMES = Path(__file__).resolve().parents[3] / ".cache" / "runtimes"


@pytest.fixture(scope="session")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayNodes]:
    # What the other tests' servers have made is there for the nodes too.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAGEWRIGHT_RUNTIMES", os.environ.get("SAGEWRIGHT_RUNTIMES") or str(RUNTIMES))
        with RayNodes(tmp_path_factory.mktemp("nodes"), count=3) as nodes:
            yield nodes


@pytest.fixture(scope="session")
def server_options(nodes: RayNodes) -> dict[str, Any]:
    """How the server of these tests is started."""
    program = (sys.executable, "-m", "sagewright.cli")
    return {"program": program, "more": ("--engine", "ray", "--ray-address", nodes.address)}


@pytest.fixture(scope="session")
def s3() -> Any:
    return boto3.client("s3")


@pytest.fixture(scope="session")
def sagemaker() -> Any:
    return boto3.client("sagemaker")
