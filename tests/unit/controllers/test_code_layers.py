"""What a job's own code needs on top of its image."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagewright.controllers import code_layers

MPI = {"sagemaker_mpi_enabled": "true"}


@pytest.mark.parametrize(
    ("program", "more", "files", "wanted", "itself"),
    [
        ("train.py", {}, ["train.py"], [], False),
        ('"train.py"', {}, ["train.py", "requirements.txt"], ["requirements.txt"], False),
        ("train.py", MPI, ["train.py", "requirements.txt"], ["requirements.txt", "mpi.txt"], False),
        ("train.py", {"sagemaker_mpi_enabled": "false"}, ["train.py"], [], False),
        ('"a.ipynb"', {}, ["a.ipynb", "setup.py"], ["notebook.txt"], False),
        ("train.py", {}, ["train.py", "setup.py"], ["package.txt"], True),
        ("train.sh", {}, ["train.sh", "setup.py"], [], False),
        ("train.py", {}, ["train.py", "pyproject.toml"], [], False),
        ('"trainer.main"', {}, ["src/trainer/main.py", "pyproject.toml"], ["package.txt"], True),
        (None, MPI, ["requirements.txt", "setup.py"], [], False),
    ],
)
def test_layers(
    tmp_path: Path, program: str | None, more: dict[str, str], files: list[str], wanted: list[str], itself: bool
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    given = {**more, **({"sagemaker_program": program} if program else {})}
    asked = list(code_layers.requirements(given, tmp_path))
    assert [path.name for path in asked] == wanted
    assert all(path.is_file() for path in asked)
    assert code_layers.installs_itself(given, tmp_path) is itself


def test_a_link_in_the_place_of_requirements_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").symlink_to("/etc/hostname")
    assert list(code_layers.requirements({"sagemaker_program": "a.py"}, tmp_path)) == []


def test_a_driver_that_needs_ssh(tmp_path: Path) -> None:
    assert code_layers.refusal(tmp_path) is None
    script = tmp_path / "input/data/sm_drivers/sm_train.sh"
    script.parent.mkdir(parents=True)
    script.write_text("$SM_PYTHON_CMD /opt/ml/input/data/sm_drivers/distributed_drivers/torchrun_driver.py")
    assert code_layers.refusal(tmp_path) is None
    script.write_text("$SM_PYTHON_CMD /opt/ml/input/data/sm_drivers/distributed_drivers/mpi_driver.py")
    assert "Use Torchrun" in str(code_layers.refusal(tmp_path))
