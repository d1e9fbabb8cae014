"""Programs that images have and this machine may lack."""

from __future__ import annotations

import subprocess
from importlib.resources import files

import pytest

SUDO = str(files("sagewright_container") / "bin" / "sudo")


@pytest.mark.parametrize(
    "words",
    [
        ["echo", "a b", "c"],
        ["-n", "-E", "echo", "a b", "c"],
        ["-u", "root", "--", "echo", "a b", "c"],
        ["X=1", "echo", "a b", "c"],
    ],
)
def test_sudo_runs_the_command_as_it_stands(words: list[str]) -> None:
    done = subprocess.run([SUDO, *words], check=True, capture_output=True, text=True)
    assert done.stdout == "a b c\n"


def test_sudo_answers_with_the_commands_status() -> None:
    assert subprocess.run([SUDO, "sh", "-c", "exit 7"], check=False).returncode == 7
    assert subprocess.run([SUDO], check=False, capture_output=True).returncode == 1
