"""Terraform with the real AWS provider, as far as this machine holds both."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
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


PLUGINS = plugin_folder()  # read before the server's fixture takes TF_ variables away


@dataclass(frozen=True)
class Terraform:
    """Runs `terraform …` in a folder that holds a `main.tf`."""

    folder: Path

    def __call__(self, *arguments: str, status: int = 0) -> str:
        """What it printed; it has to end with `status`."""
        environment = {**os.environ, "TF_IN_AUTOMATION": "1", "TF_CLI_CONFIG_FILE": "", "CHECKPOINT_DISABLE": "1"}
        environment["GOGC"] = "400"  # the provider ends soon: collecting its garbage is a sixth of its work
        command = ["terraform", f"-chdir={self.folder}", *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600, env=environment)
        assert done.returncode == status, f"terraform {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def init(self) -> None:
        """Take the provider from this machine."""
        self("init", "-no-color", f"-plugin-dir={PLUGINS}")

    def apply(self, *options: str) -> None:
        """Make it so, and see that a second plan finds nothing to do."""
        self("apply", "-no-color", "-auto-approve", *options)
        self("plan", "-no-color", "-detailed-exitcode", *options)  # 0: nothing to do; 2 would be a change

    def destroy(self, *options: str) -> None:
        """Take everything away."""
        self("destroy", "-no-color", "-auto-approve", *options)
        assert self("state", "list") == ""


@pytest.fixture
def terraform(server: Any, tmp_path: Path) -> Terraform:
    """Terraform in an empty folder; left out where it or the provider is missing."""
    if not shutil.which("terraform"):
        pytest.skip("Terraform is not installed here")
    if PLUGINS is None:
        pytest.skip(f"no folder with {PROVIDER} found; name it in TF_PLUGIN_DIR")
    return Terraform(tmp_path)
