"""Environments that users make in a notebook instance, and what its pages are told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from sagewright_container.notebook import environments, pages
from sagewright_container.notebook.environments import Environment, Refused
from sagewright_container.notebook.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An instance with two kernels, whose places are all below a folder of the test's own."""
    kernels = {}
    for name in ("conda_python3", "conda_other"):
        base = tmp_path / f"base-{name}"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(base)], check=True)
        next((base / "lib").glob("python*/site-packages")).joinpath("below.py").write_text(f"value = {name!r}")
        kernels[name] = str(base)
    found = Settings("lab", "arn:lab", volume_bytes=1 << 30, kernels=kernels)
    (tmp_path / "conda" / "envs").mkdir(parents=True)
    monkeypatch.setattr(environments, "KEPT", str(tmp_path / "kept"))
    monkeypatch.setattr(environments, "CONDA", str(tmp_path / "conda"))
    monkeypatch.setattr(environments, "SPECS", str(tmp_path / "specs"))
    monkeypatch.setattr(Settings, "read", lambda: found)
    return found


def below(environment: Environment) -> str:
    """What it sees of the environment that it stands on."""
    told = [f"{environment.place}/bin/python", "-c", "import below; print(below.value)"]
    return subprocess.check_output(told, text=True).strip()


def test_one_stands_on_a_kernel_and_is_taken_away(settings: Settings, tmp_path: Path) -> None:
    made = environments.create(settings, "own", "conda_other")
    assert (made.kernel, below(made), os.listdir(tmp_path / "specs")) == ("conda_own", "conda_other", ["conda_own"])
    assert (tmp_path / "conda" / "envs" / "own").is_dir()
    listed = {each["name"]: each["own"] for each in pages.listed(settings)["environments"]}
    assert listed == {"python3": False, "other": False, "own": True}
    environments.remove(settings, "own")
    assert [os.listdir(tmp_path / place) for place in ("kept", "specs", "conda/envs")] == [[], [], []]


def test_one_follows_its_kernel_to_where_that_is_at_the_next_start(settings: Settings) -> None:
    made = environments.create(settings, "own", "conda_other")
    later = Settings("lab", "arn:lab", volume_bytes=0, kernels={"conda_python3": settings.kernels["conda_python3"]})
    (found,) = [each for each in environments.all_of_them(later) if each.base]
    environments.show(later, found)
    assert (below(made), found.base) == ("conda_python3", "conda_other")


@pytest.mark.parametrize(
    ("name", "base", "why"),
    [("../x", "", "no name"), ("", "", "no name"), ("python3", "", "already"), ("a", "R", "no kernel R")],
)
def test_what_cannot_be_made_is_refused(settings: Settings, name: str, base: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        environments.create(settings, name, base)


def test_the_instances_own_stay(settings: Settings) -> None:
    for name, why in (("python3", "own"), ("conda_python3", "own"), ("..", "no environment"), ("x", "no environment")):
        with pytest.raises(Refused, match=why):
            environments.remove(settings, name)


def test_conda_makes_and_installs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installed: list[tuple[str, Sequence[str]]] = []
    monkeypatch.setattr(environments, "install", lambda each, packages: installed.append((each.name, packages)))
    here = f"python={sys.version_info.major}.{sys.version_info.minor}"
    assert environments.main(["create", "-y", "--name", "own", "-c", "conda-forge", here, "a=1.2", "b>=3"]) == 0
    assert environments.main(["install", "--name=own", "--quiet", "c"]) == 0
    assert installed == [("own", ["a==1.2", "b>=3"]), ("own", ["c"])]
    assert environments.main(["env", "list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["python3", "other", "own"]
    assert environments.main(["create", "--name", "old", "python=2.7"]) == 0
    assert "python=2.7 was asked for" in capsys.readouterr().err
    assert environments.main(["remove", "--name", "own", "--all"]) == 0
    for wrong in (["create"], ["update", "--all"], ["install", "--name", "none", "c"]):
        assert environments.main(wrong) == 1
        assert capsys.readouterr().err.startswith("conda: ")


def test_what_fails_to_install_leaves_nothing(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(Refused):  # there is no pip
        environments.create(settings, "own", packages=["a"])
    assert os.listdir(tmp_path / "kept") == []


def test_packages_are_words_and_no_options() -> None:
    assert pages.words(" a  'b>=1' ") == ["a", "b>=1"]
    for wrong in ("--index-url=x", "-r file", "'open", 3):
        with pytest.raises(Refused):
            pages.words(wrong)


def test_examples_say_what_they_are_about() -> None:
    found = pages.examples()
    assert len(found) >= 3
    assert all(each["title"] and each["about"] and "#" not in each["title"] for each in found)
