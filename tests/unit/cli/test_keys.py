"""`sagewright keys`."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sagewright.cli import up
from sagewright.cli.main import main
from sagewright.operations.sts.root_keys import RootKeys, read


@pytest.fixture
def options(tmp_path: Path) -> Iterator[list[str]]:
    """A data folder with a key, and a port that nobody listens on."""
    (tmp_path / "keys").mkdir()
    RootKeys(tmp_path / "keys")
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield ["--data", str(tmp_path), "--port", str(held.getsockname()[1])]


@pytest.mark.parametrize("name", ["show", "list", "rotate"])
def test_without_keys_the_next_step_is_named(name: str, tmp_path: Path) -> None:
    told = CliRunner().invoke(main, ["keys", name, "--data", str(tmp_path / "none")])
    assert told.exit_code == 1
    assert "sagewright up" in told.output


def test_the_key_is_shown_as_a_profile_has_it(options: list[str], tmp_path: Path) -> None:
    key = read(tmp_path / "keys")
    told = CliRunner().invoke(main, ["keys", "show", *options])
    assert told.output == f"aws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret}\n"


def test_a_new_key_takes_the_place_of_the_old_one(options: list[str], tmp_path: Path) -> None:
    old = read(tmp_path / "keys")
    told = CliRunner().invoke(main, ["keys", "rotate", *options])
    new = read(tmp_path / "keys")
    assert old != new
    assert new.secret in told.output


def test_without_a_server_the_root_key_is_listed(options: list[str], tmp_path: Path) -> None:
    told = CliRunner().invoke(main, ["keys", "list", *options])
    assert told.exit_code == 0
    assert f"{read(tmp_path / 'keys').access_key_id}   root" in told.output
    assert "No server answers" in told.output


@pytest.mark.parametrize(("terminal", "new", "shown"), [(True, True, True), (False, True, False), (True, False, False)])
def test_a_new_keys_secret_is_shown_to_a_person_only(
    terminal: bool, new: bool, shown: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Made:
        def root(self) -> tuple[str, str]:
            return "AKIA", "the-secret"

    made: Any = Made()
    made.new = new
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    up.show_once(made)
    assert ("the-secret" in capsys.readouterr().out) == shown
