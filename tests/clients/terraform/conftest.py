"""Terraform with the real AWS provider, as far as this machine holds both."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROVIDER = "registry.terraform.io/hashicorp/aws"
LIKELY = ("/opt", "/usr/share/terraform", "/usr/local/share/terraform", "~/.terraform.d", "~/.local/share/terraform")


def plugin_folder() -> Path | None:
    """The folder that holds the AWS provider: `TF_PLUGIN_DIR`, or a likely place up to two levels down."""
    given = os.environ.get("TF_PLUGIN_DIR")
    roots = [Path(given)] if given else [Path(root).expanduser() for root in LIKELY]
    found = [path for root in roots for depth in ("", "*/", "*/*/") for path in root.glob(depth + PROVIDER)]
    return found[0].parents[2] if found else None


PLUGINS = plugin_folder()  # before the server's fixture takes TF_ variables away


@pytest.fixture
def terraform(server: Any, tmp_path: Path) -> Callable[..., str]:
    """Runs `terraform …` in a folder of its own, where a `main.tf` has to be; gives back what it printed."""
    if not shutil.which("terraform"):
        pytest.skip("Terraform is not installed here")
    if PLUGINS is None:
        pytest.skip(f"no folder with {PROVIDER} found; name it in TF_PLUGIN_DIR")
    environment = {**os.environ, "TF_IN_AUTOMATION": "1", "TF_CLI_CONFIG_FILE": "", "CHECKPOINT_DISABLE": "1"}

    def run(*arguments: str, status: int = 0) -> str:
        done = subprocess.run(
            ["terraform", f"-chdir={tmp_path}", *arguments, "-no-color"],
            check=False, capture_output=True, text=True, timeout=600, env=environment,
        )  # fmt: skip
        assert done.returncode == status, f"terraform {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    run.folder, run.plugins = tmp_path, f"-plugin-dir={PLUGINS}"  # type: ignore[attr-defined]
    return run
