"""Short names of task folders."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from sagewright.base.errors import Terminal
from sagewright.compute import links


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(links, "_LONGEST", 1000)
    return tmp_path


def test_the_same_task_has_the_same_link_which_can_be_made_again(temporary: Path) -> None:
    made = links.make(temporary, Path("/data/tasks/t/run"))
    assert made.resolve() == temporary
    made.unlink()
    assert links.make(temporary, Path("/data/tasks/t/run")) == made
    assert made.parent.stat().st_mode & 0o777 == 0o700
    links.remove(Path("/data/tasks/t/run"))
    links.remove(Path("/data/tasks/t/run"))
    assert list(made.parent.iterdir()) == []


def test_a_folder_that_moved_is_followed(temporary: Path) -> None:
    links.make(temporary / "old", Path("/data/tasks/t/run"))
    assert links.make(temporary, Path("/data/tasks/t/run")).resolve() == temporary


def test_a_folder_that_others_can_use_is_not_trusted(temporary: Path) -> None:
    links.make(temporary, Path("/data/tasks/t/run")).parent.chmod(0o755)
    with pytest.raises(Terminal, match="only its owner"):
        links.make(temporary, Path("/data/tasks/t/run"))


def test_a_long_temporary_folder_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/tmp/" + "x" * 90)
    link = links.make(Path("/"), Path("/data/tasks/links-test/run"))
    links.remove(Path("/data/tasks/links-test/run"))
    assert len(str(link)) < 60
