"""Which kind of entry point a name is, and its command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from sagewright_container.training.entry_point import COMMAND, NOTEBOOK, PACKAGE, SCRIPT, EntryPoint
from sagewright_container.training.failure import ClientError


@pytest.mark.parametrize(
    ("files", "name", "kind", "command"),
    [
        (["train.py"], "train.py", SCRIPT, [sys.executable, "train.py", "-n", "1"]),
        (["-train.py"], "-train.py", SCRIPT, [sys.executable, "--", "-train.py", "-n", "1"]),
        (["train.py", "setup.py"], "train.py", PACKAGE, [sys.executable, "-m", "train", "-n", "1"]),
        (["a/train.py", "setup.py"], "a/train.py", PACKAGE, [sys.executable, "-m", "a.train", "-n", "1"]),
        (["train.py", "pyproject.toml"], "train.py", SCRIPT, [sys.executable, "train.py", "-n", "1"]),
        (["src/a/b.py", "pyproject.toml"], "a.b", PACKAGE, [sys.executable, "-m", "a.b", "-n", "1"]),
        (["a/__main__.py"], "a", PACKAGE, [sys.executable, "-m", "a", "-n", "1"]),
        (
            ["a.ipynb"],
            "a.ipynb",
            NOTEBOOK,
            [sys.executable, "-m", "sagewright_container.training.notebook", "./a.ipynb"],
        ),
        (["a.sh", "setup.py"], "a.sh", COMMAND, ["/bin/sh", "-c", 'exec "./$0" "$@"', "a.sh", "-n", "1"]),
        (["tool"], "tool", COMMAND, ["/bin/sh", "-c", 'exec "./$0" "$@"', "tool", "-n", "1"]),
    ],
)
def test_kinds(folder: Any, files: list[str], name: str, kind: str, command: list[str]) -> None:
    for file in files:
        folder.write(f"code/{file}", "")
    entry_point = EntryPoint(str(folder.base / "code"), name)
    assert (entry_point.kind, entry_point.command(["-n", "1"])) == (kind, command)


@pytest.mark.parametrize("name", ["other.py", "a.b", "../x.py"])
def test_what_is_not_there(folder: Any, name: str) -> None:
    folder.write("code/train.py", "")
    with pytest.raises(ClientError, match="source directory"):
        EntryPoint(str(folder.base / "code"), name)


def test_a_link_that_leads_out_is_not_followed(folder: Any, tmp_path: Path) -> None:
    folder.write("code/train.py", "")
    (folder.base / "code/out.py").symlink_to("/etc/hostname")
    with pytest.raises(ClientError, match="not a path inside"):
        EntryPoint(str(folder.base / "code"), "out.py")
