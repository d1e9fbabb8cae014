"""`sagewright file-system`: which folder stands for which file system."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sagewright.cli.main import main

ID = "fs-0123456789abcdef0"


def said(data: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["file-system", words[0], "--data", str(data), *words[1:]])


def test_a_folder_stands_for_a_file_system_until_it_does_not(tmp_path: Path) -> None:
    data, one, two = tmp_path / "data", tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    assert said(data, "list").output == ""
    assert said(data, "attach", ID, str(one)).output == f"{ID} is {one} from now on.\n"
    assert said(data, "attach", ID, str(two)).exit_code == 0
    assert (data / "file-systems" / ID).resolve() == two
    (data / "file-systems" / "fs-01234567").mkdir()
    own = data / "file-systems" / "fs-01234567"
    assert said(data, "list").output.split() == [own.name, str(own), ID, str(two)]
    assert said(data, "detach", ID).exit_code == 0
    assert two.is_dir()
    assert "fs-01234567" in said(data, "list").output


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("attach", "../x", "{folder}"), "is not the id of a file system"),
        (("attach", "fs-01234567", "{folder}"), "is a folder in"),
        (("attach", ID, "{folder}/none"), "does not exist"),
        (("detach", ID), "is not attached"),
        (("detach", ".."), "is not attached"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, words: tuple[str, ...], reason: str) -> None:
    (tmp_path / "file-systems" / "fs-01234567").mkdir(parents=True)
    done = said(tmp_path, *(word.format(folder=tmp_path) for word in words))
    assert done.exit_code != 0
    assert reason in done.output
