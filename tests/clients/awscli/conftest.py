"""The AWS CLI, version 1, from an environment of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

AWS = Path(__file__).parents[3] / ".venvs" / "awscli" / "bin" / "aws"


@pytest.fixture(scope="session")
def aws(server: Any) -> Callable[..., Any]:
    """Runs `aws …` and gives back what it printed: read as JSON where it is JSON."""
    if not AWS.exists():
        pytest.skip("the AWS CLI's environment is not there: `sh tests/run.sh awscli` makes it")

    def run(*arguments: str, fails: bool = False) -> Any:
        done = subprocess.run([str(AWS), *arguments], check=False, capture_output=True, text=True, timeout=300)
        assert (done.returncode != 0) == fails, f"{' '.join(arguments)}: {done.stderr}"
        text = done.stderr if fails else done.stdout
        return json.loads(text) if text.lstrip().startswith(("{", "[")) else text

    return run
